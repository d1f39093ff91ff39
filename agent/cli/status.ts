import { parseArgs } from 'node:util';
import { objectsAt, textAt, toJson } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { deliveryResource } from '../../sync/delivery/crd.ts';
import { isKubeObject, type KubeObject } from '../../sync/types.ts';
import { loadAccess } from '../kube/client.ts';
import { createKubeHttp } from '../kube/http.ts';
import { collectionPath, objectPath } from '../kube/paths.ts';
import { usualKubeconfig } from './kubeconfig.ts';

/** `lockstep status`: exit code 2 when a Delivery is not Ready or not healthy. */
export async function statusCommand(args: readonly string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      namespace: { type: 'string', short: 'n', default: 'default' },
      all: { type: 'boolean', short: 'A', default: false },
      output: { type: 'string', short: 'o', default: 'text' },
      kubeconfig: { type: 'string' },
    },
  });
  const deliveries = await readDeliveries(
    values.kubeconfig ?? usualKubeconfig(process.env),
    values.all ? undefined : values.namespace,
    positionals[0],
  );
  process.stdout.write(values.output === 'json' ? `${toJson(deliveries, 2)}\n` : table(deliveries));
  return deliveries.every(isFine) ? 0 : 2;
}

async function readDeliveries(
  kubeconfig: string | undefined,
  namespace: string | undefined,
  name: string | undefined,
): Promise<KubeObject[]> {
  const http = createKubeHttp(await loadAccess(kubeconfig, Date.now));
  try {
    if (name !== undefined) {
      const { body } = await http.request({ method: 'GET', path: objectPath(deliveryResource, namespace, name) });
      return isKubeObject(body) ? [body] : [];
    }
    const { body } = await http.request({ method: 'GET', path: collectionPath(deliveryResource, namespace) });
    return objectsAt(body, 'items').filter(isKubeObject);
  } finally {
    await http.close();
  }
}

function isFine(delivery: KubeObject): boolean {
  return condition(delivery, 'Ready')?.status === 'True' && condition(delivery, 'Healthy')?.status === 'True';
}

function table(deliveries: readonly KubeObject[]): string {
  if (deliveries.length === 0) return 'no Deliveries\n';
  const rows = deliveries.map((delivery) => [
    `${delivery.metadata.namespace ?? ''}/${delivery.metadata.name}`,
    condition(delivery, 'Ready')?.status ?? 'Unknown',
    textAt(delivery, 'status', 'state') ?? '',
    (textAt(delivery, 'status', 'revision', 'target') ?? '').slice(0, 12),
    condition(delivery, 'Healthy')?.reason ?? '',
    condition(delivery, 'Ready')?.message ?? '',
  ]);
  const lines = [['DELIVERY', 'READY', 'STATE', 'REVISION', 'HEALTH', 'MESSAGE'], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
