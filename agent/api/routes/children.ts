import { byOwner, type Owned, ownerTree } from '../../../health/owner-tree.ts';
import type { Target } from '../../../sync/delivery/target.ts';
import { messageOf } from '../../../sync/errors.ts';
import type { Entry } from '../../../sync/release/record.ts';
import { type KubeObject, type ObjectRef, refOf } from '../../../sync/types.ts';
import { makesOthers } from '../../made.ts';
import type { ApiWorld } from '../world.ts';

/** What an object has made, or why that can't be told. */
export type Made = readonly Owned[] | string;

/**
 * What objects have made, by their keys: asked for as the account of the Delivery, and shown as far as the caller may get it.
 * @param entries those that the caller may see
 */
export async function childrenOf(
  { made, healthContext }: ApiWorld,
  target: Target,
  entries: readonly Entry[],
  may: (ref: ObjectRef) => Promise<boolean>,
): Promise<ReadonlyMap<string, Made>> {
  const makers = entries.filter(({ manifest, applied }) => applied !== undefined && makesOthers(manifest));
  try {
    const objects = makers.map(liveNameOf);
    const mine = byOwner(await visible(await made(target, objects), may));
    const context = healthContext(target);
    return new Map(
      makers.map(({ key }, index) => [key, ownerTree(objects[index] as KubeObject, mine, context).children]),
    );
  } catch (error) {
    return new Map(makers.map(({ key }) => [key, messageOf(error)]));
  }
}

/** The object as it is named in the cluster: what it made refers to its uid. */
function liveNameOf({ manifest, applied }: Entry): KubeObject {
  const uid = applied?.uid;
  return { ...manifest, metadata: { ...manifest.metadata, ...(uid === undefined ? {} : { uid }) } };
}

async function visible(
  objects: readonly KubeObject[],
  may: (ref: ObjectRef) => Promise<boolean>,
): Promise<KubeObject[]> {
  const allowed = await Promise.all(objects.map((object) => may(refOf(object))));
  return objects.filter((_object, index) => allowed[index]);
}
