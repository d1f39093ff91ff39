import type { JsonObject } from '../../diff/json.ts';
import type { Cluster } from '../ports.ts';
import { type KubeObject, refOf } from '../types.ts';

/** The operation of a JSON patch that refuses it when the object was changed meanwhile. */
export function isStill(object: KubeObject): JsonObject {
  return { op: 'test', path: '/metadata/resourceVersion', value: object.metadata.resourceVersion ?? '' };
}

/** How often an object is read again that others write meanwhile: controllers answer to every change at once. */
const mostReads = 5;

/**
 * Writes an object in the state in which it was read; it is read again while others write it in between.
 * @param write does it, and makes sure that the object is still as it is given to it
 * @throws what `write` throws for another reason, or at last
 */
export async function whileStill<T>(
  cluster: Cluster,
  object: KubeObject,
  write: (object: KubeObject) => Promise<T>,
  reads = 0,
): Promise<T> {
  try {
    return await write(object);
  } catch (error) {
    const live = reads < mostReads ? await cluster.get(refOf(object)) : undefined;
    if (live === undefined || live.metadata.uid !== object.metadata.uid) throw error;
    if (live.metadata.resourceVersion === object.metadata.resourceVersion) throw error;
    return whileStill(cluster, live, write, reads + 1);
  }
}

/**
 * Says who owns what of an object, in place of what stands there.
 * @param manager the name under which that is done
 * @throws ApiError also when the object was changed meanwhile
 */
export function writeEntries(
  cluster: Cluster,
  object: KubeObject,
  entries: readonly JsonObject[],
  manager?: string,
): Promise<KubeObject> {
  const operations = [isStill(object), { op: 'replace', path: '/metadata/managedFields', value: [...entries] }];
  return cluster.patch(refOf(object), operations, manager);
}
