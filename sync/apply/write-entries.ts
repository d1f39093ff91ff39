import type { JsonObject } from '../../diff/json.ts';
import type { Cluster } from '../ports.ts';
import { type KubeObject, refOf } from '../types.ts';

/** The operation of a JSON patch that refuses it when the object was changed meanwhile. */
export function isStill(object: KubeObject): JsonObject {
  return { op: 'test', path: '/metadata/resourceVersion', value: object.metadata.resourceVersion ?? '' };
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
