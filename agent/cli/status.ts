import { numberAt, objectsAt, textAt, toJson } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { deliveryResource } from '../../sync/delivery/crd.ts';
import { isKubeObject, type KubeObject, shortRevision } from '../../sync/types.ts';
import type { KubeHttp } from '../kube/http.ts';
import { collectionPath } from '../kube/paths.ts';
import { follow } from '../kube/watch.ts';
import { printable } from '../printable.ts';
import { parseConnected } from './arguments.ts';
import { connected, readDeliveryObject } from './connection.ts';
import { printJson, table } from './table.ts';

/** `lockstep status`: exit code 2 when a Delivery is not Ready or not healthy. */
export async function statusCommand(args: readonly string[]): Promise<number> {
  const { words, flags, namespace, isJson, has } = parseConnected(args, ['[NAME]'], {
    all: { type: 'boolean', short: 'A', default: false },
    watch: { type: 'boolean', short: 'w', default: false },
  });
  if (words[0] !== undefined && has('all')) throw new Error('NAME and -A exclude each other');
  if (has('watch'))
    return connected(flags['kubeconfig'], (http) => watch(http, has('all') ? undefined : namespace, words[0], isJson));
  const deliveries = await connected(flags['kubeconfig'], (http) =>
    readDeliveries(http, has('all') ? undefined : namespace, words[0]),
  );
  if (isJson) printJson(deliveries);
  else process.stdout.write(listing(deliveries));
  return deliveries.every(isFine) ? 0 : 2;
}

/** Prints each Delivery whenever it changes, until it is interrupted. */
async function watch(
  http: KubeHttp,
  namespace: string | undefined,
  name: string | undefined,
  isJson: boolean,
): Promise<number> {
  const path = async (): Promise<string> => collectionPath(deliveryResource, namespace);
  const selector = name === undefined ? {} : { fieldSelector: `metadata.name=${name}` };
  if (!isJson) process.stdout.write(line(head));
  const seen = new Map<string, string>();
  const close = follow(http, { path, ...selector }, (event) => {
    if (event.type === 'failed') process.stderr.write(`lockstep status: ${printable(event.error.message)}\n`);
    if (event.type !== 'changed') return;
    const text = isJson ? `${printable(toJson(event.object))}\n` : line(rowOf(event.object));
    const { uid = '' } = event.object.metadata;
    if (seen.get(uid) !== text) process.stdout.write(text);
    seen.set(uid, text);
  });
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  close();
  return 0;
}

/** Columns that stay where they are from line to line, as far as what stands in them is short. */
function line(cells: readonly string[]): string {
  const widths = [30, 7, 17, 12, 11];
  const shown = cells.map((cell, index) => printable(cell).padEnd(widths[index] ?? 0));
  return `${shown.join('  ').trimEnd()}\n`;
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
  return table([head, ...deliveries.map(rowOf)]);
}

const head = ['DELIVERY', 'READY', 'STATE', 'REVISION', 'HEALTH', 'MESSAGE'];

function rowOf(delivery: KubeObject): string[] {
  return [
    `${delivery.metadata.namespace ?? ''}/${delivery.metadata.name}`,
    condition(delivery, 'Ready')?.status ?? 'Unknown',
    textAt(delivery, 'status', 'state') ?? '',
    shortRevision(textAt(delivery, 'status', 'revision', 'target') ?? ''),
    condition(delivery, 'Healthy')?.reason ?? '',
    condition(delivery, 'Ready')?.message ?? '',
  ];
}
