import { objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { healthOf } from '../../health/rules.ts';
import { passesGate } from '../../health/scale.ts';
import { waveTitle } from '../../sync/hooks/phases.ts';
import { inParallel } from '../../sync/parallel.ts';
import { arrange, placeable } from '../../sync/plan/order.ts';
import { type HealthWord, type KubeObject, keyOf, refOf, titleOf } from '../../sync/types.ts';
import { type DiscoveredKinds, discoverKinds } from '../kube/discovery.ts';
import type { KubeHttp } from '../kube/http.ts';
import { parseConnected } from './arguments.ts';
import { atTarget, connected, readDeliveryObject } from './connection.ts';
import { labelledObjects, listWherever } from './labelled.ts';
import { printable, printJson } from './table.ts';

/** What workloads make. */
const made = [
  ['apps/v1', 'ReplicaSet'],
  ['batch/v1', 'Job'],
  ['v1', 'Pod'],
] as const;

/** An object, how it is, and what it has made. */
interface Node {
  readonly title: string;
  readonly health: HealthWord;
  readonly message: string;
  readonly children: readonly Node[];
}

/**
 * `lockstep tree NAME`: the live objects of a Delivery by wave, with their health and what they have made, down to pods, as
 * far as the user who calls may list them. Exit code 2 when one is not healthy, 1 when a kind could not be listed.
 */
export async function treeCommand(args: readonly string[]): Promise<number> {
  const { words, flags, namespace, isJson } = parseConnected(args, ['NAME']);
  const [name = ''] = words;
  const tree = await connected(flags['kubeconfig'], async (http) => {
    const delivery = await readDeliveryObject(http, namespace, name);
    const target = textAt(delivery, 'spec', 'target', 'namespace') ?? namespace;
    return atTarget(http, delivery, async ({ target: there }) => {
      const kinds = await discoverKinds(there);
      const unseen: string[] = [];
      const tell = (kind: string): void => void unseen.push(kind);
      const managed = await labelledObjects(there, kinds, delivery.metadata.uid ?? '', target, tell);
      return { delivery, unseen, waves: wavesOf(managed, await madeBy(there, kinds, managed, target)) };
    });
  });
  const { delivery, waves, unseen } = tree;
  if (isJson) printJson(waves);
  else process.stdout.write(printable(`${[headOf(delivery), ...waves.flatMap(linesOfWave)].join('\n')}\n`));
  for (const problem of unseen) process.stderr.write(printable(`lockstep tree: ${problem}\n`));
  if (!waves.flatMap(({ objects }) => objects).every(isFine)) return 2;
  return unseen.length === 0 ? 0 : 1;
}

interface Wave {
  readonly wave: number;
  readonly objects: readonly Node[];
}

/** Everything that workloads have made in the namespaces of the managed objects, by the uid of its owner. */
async function madeBy(
  http: KubeHttp,
  kinds: DiscoveredKinds,
  managed: readonly KubeObject[],
  target: string,
): Promise<ReadonlyMap<string, readonly KubeObject[]>> {
  const namespaces = new Set([target, ...managed.flatMap(({ metadata }) => metadata.namespace ?? [])]);
  const resources = made.flatMap(([apiVersion, kind]) => kinds.find(apiVersion, kind) ?? []);
  const lists = await inParallel(resources, resources.length, (resource) => listWherever(http, resource, target, ''));
  const byOwner = new Map<string, KubeObject[]>();
  for (const object of lists.flat()) {
    if (!namespaces.has(object.metadata.namespace ?? '')) continue;
    for (const owner of objectsAt(object, 'metadata', 'ownerReferences')) {
      const uid = textAt(owner, 'uid') ?? '';
      byOwner.set(uid, [...(byOwner.get(uid) ?? []), object]);
    }
  }
  return byOwner;
}

function wavesOf(managed: readonly KubeObject[], byOwner: ReadonlyMap<string, readonly KubeObject[]>): Wave[] {
  const places = arrange(managed.map(placeable));
  const waves = new Map<number, Node[]>();
  const sorted = managed.map((object, index) => ({ object, wave: places[index]?.wave ?? 0 }));
  for (const { object, wave } of sorted.sort((a, b) => (keyOf(refOf(a.object)) < keyOf(refOf(b.object)) ? -1 : 1)))
    waves.set(wave, [...(waves.get(wave) ?? []), nodeOf(object, byOwner)]);
  return [...waves.keys()].sort((a, b) => a - b).map((wave) => ({ wave, objects: waves.get(wave) ?? [] }));
}

/** ReplicaSets of earlier revisions that have no pods any more say nothing. */
function nodeOf(object: KubeObject, byOwner: ReadonlyMap<string, readonly KubeObject[]>): Node {
  const { status: health, message } = healthOf(object, { now: Date.now() });
  const children = (byOwner.get(object.metadata.uid ?? '') ?? [])
    .map((child) => ({ kind: child.kind, node: nodeOf(child, byOwner) }))
    .filter(({ kind, node }) => kind !== 'ReplicaSet' || node.children.length > 0)
    .map(({ node }) => node);
  return { title: titleOf(refOf(object)), health, message, children };
}

function isFine({ health }: Node): boolean {
  return passesGate({ status: health });
}

function headOf(delivery: KubeObject): string {
  const { namespace = '', name } = delivery.metadata;
  const state = textAt(delivery, 'status', 'state') ?? '';
  return `Delivery ${namespace}/${name}  ${state}  ${condition(delivery, 'Ready')?.message ?? ''}`;
}

function linesOfWave({ wave, objects }: Wave): string[] {
  return [`wave ${waveTitle(wave)}`, ...objects.flatMap((node) => linesOf(node, 1))];
}

function linesOf(node: Node, depth: number): string[] {
  const { title, health, message, children } = node;
  const why = health === 'Healthy' ? '' : `: ${message}`;
  return [`${'  '.repeat(depth)}${title}  ${health}${why}`, ...children.flatMap((child) => linesOf(child, depth + 1))];
}
