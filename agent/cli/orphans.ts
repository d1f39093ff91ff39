import { objectsAt, textAt } from '../../diff/json.ts';
import { deliveryResource } from '../../sync/delivery/crd.ts';
import { isForbidden, isNotServed } from '../../sync/errors.ts';
import { orphanReason } from '../../sync/orphans.ts';
import { inParallel } from '../../sync/parallel.ts';
import { shortUid } from '../../sync/stamp.ts';
import { type KubeObject, keyOf, refOf, titleOf } from '../../sync/types.ts';
import { discoverKinds } from '../kube/discovery.ts';
import type { KubeHttp } from '../kube/http.ts';
import { itemsOf } from '../kube/lists.ts';
import { collectionPath } from '../kube/paths.ts';
import { parseConnected } from './arguments.ts';
import { connected } from './connection.ts';
import { orTell, parallelLists } from './labelled.ts';
import { printJson, table } from './table.ts';

/**
 * `lockstep orphans`: the objects of a namespace that are in no Delivery and that nothing else owns, as far as the user who
 * calls may list them; nothing is done with them. Exit code 2 when there are some, 1 when a kind could not be listed.
 */
export async function orphansCommand(args: readonly string[]): Promise<number> {
  const { flags, namespace, isJson } = parseConnected(args, []);
  const { orphans, unseen, refused } = await connected(flags['kubeconfig'], (http) => orphansIn(http, namespace));
  if (isJson) printJson(orphans);
  else if (orphans.length === 0) process.stdout.write(`${namespace} has nothing that is in no Delivery\n`);
  else process.stdout.write(table([['OBJECT', 'WHY'], ...orphans.map((one) => [titleOf(one), one.reason])]));
  for (const problem of unseen) process.stderr.write(`lockstep orphans: ${problem}\n`);
  if (refused > 0) process.stderr.write(`lockstep orphans: ${refused} kinds are not for you to list\n`);
  if (unseen.length > 0) return 1;
  return orphans.length === 0 ? 0 : 2;
}

async function orphansIn(http: KubeHttp, namespace: string) {
  const unseen: string[] = [];
  let refused = 0;
  const deliveries = await deliveriesOf(http);
  const resources = (await discoverKinds(http)).listable().filter(({ namespaced }) => namespaced);
  const lists = await inParallel(resources, parallelLists, async (resource) => {
    try {
      const { body } = await http.request({ method: 'GET', path: collectionPath(resource, namespace) });
      return itemsOf(body).map(
        (item): KubeObject => ({ ...item, apiVersion: resource.apiVersion, kind: resource.kind }),
      );
    } catch (error) {
      if (isForbidden(error)) {
        refused += 1;
        return [];
      }
      return orTell(resource, (problem) => unseen.push(problem))(error);
    }
  });
  if (refused === resources.length) throw new Error(`nothing in the namespace ${namespace} is for you to list`);
  // Some kinds are served by two groups: each object counts once.
  const found = new Map<string, ReturnType<typeof refOf> & { readonly reason: string }>();
  for (const object of lists.flat()) {
    const reason = orphanReason(object, deliveries);
    if (reason !== undefined) found.set(object.metadata.uid ?? keyOf(refOf(object)), { ...refOf(object), reason });
  }
  const orphans = [...found.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return { orphans, unseen, refused };
}

/** The short uids of all Deliveries; undefined where the user may not list them all, or there can be none here. */
async function deliveriesOf(http: KubeHttp): Promise<ReadonlySet<string> | undefined> {
  try {
    const { body } = await http.request({ method: 'GET', path: collectionPath(deliveryResource, undefined) });
    return new Set(objectsAt(body, 'items').map((item) => shortUid(textAt(item, 'metadata', 'uid') ?? '')));
  } catch (error) {
    // Another cluster may deliver into this one.
    if (isForbidden(error) || isNotServed(error)) return undefined;
    throw error;
  }
}
