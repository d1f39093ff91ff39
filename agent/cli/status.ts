import { numberAt, objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { deliveryResource } from '../../sync/delivery/crd.ts';
import { isKubeObject, type KubeObject } from '../../sync/types.ts';
import type { KubeHttp } from '../kube/http.ts';
import { collectionPath } from '../kube/paths.ts';
import { parseConnected } from './arguments.ts';
import { connected, readDeliveryObject } from './connection.ts';
import { printJson, table } from './table.ts';

/** `lockstep status`: exit code 2 when a Delivery is not Ready or not healthy. */
export async function statusCommand(args: readonly string[]): Promise<number> {
  const { words, flags, namespace, isJson, has } = parseConnected(args, ['[NAME]'], {
    all: { type: 'boolean', short: 'A', default: false },
  });
  if (words[0] !== undefined && has('all')) throw new Error('NAME and -A exclude each other');
  const deliveries = await connected(flags['kubeconfig'], (http) =>
    readDeliveries(http, has('all') ? undefined : namespace, words[0]),
  );
  if (isJson) printJson(deliveries);
  else process.stdout.write(listing(deliveries));
  return deliveries.every(isFine) ? 0 : 2;
}

async function readDeliveries(
  http: KubeHttp,
  namespace: string | undefined,
  name: string | undefined,
): Promise<KubeObject[]> {
  if (name !== undefined) return [await readDeliveryObject(http, namespace ?? 'default', name)];
  const { body } = await http.request({ method: 'GET', path: collectionPath(deliveryResource, namespace) });
  return objectsAt(body, 'items').filter(isKubeObject);
}

function isFine(delivery: KubeObject): boolean {
  // What is said of a specification before this one says nothing of it.
  const isSeen = numberAt(delivery, 'status', 'observedGeneration') === numberAt(delivery, 'metadata', 'generation');
  return isSeen && condition(delivery, 'Ready')?.status === 'True' && condition(delivery, 'Healthy')?.status === 'True';
}

function listing(deliveries: readonly KubeObject[]): string {
  if (deliveries.length === 0) return 'no Deliveries\n';
  const rows = deliveries.map((delivery) => [
    `${delivery.metadata.namespace ?? ''}/${delivery.metadata.name}`,
    condition(delivery, 'Ready')?.status ?? 'Unknown',
    textAt(delivery, 'status', 'state') ?? '',
    (textAt(delivery, 'status', 'revision', 'target') ?? '').slice(0, 12),
    condition(delivery, 'Healthy')?.reason ?? '',
    condition(delivery, 'Ready')?.message ?? '',
  ]);
  return table([['DELIVERY', 'READY', 'STATE', 'REVISION', 'HEALTH', 'MESSAGE'], ...rows]);
}
