import { byOwner, type Owned, ownerTree } from '../../../health/owner-tree.ts';
import type { Target } from '../../../sync/delivery/target.ts';
import { inParallel } from '../../../sync/parallel.ts';
import type { Entry } from '../../../sync/release/record.ts';
import { type KubeObject, type ObjectRef, refOf } from '../../../sync/types.ts';
import { makesOthers } from '../../made.ts';
import type { ApiWorld } from '../world.ts';

/** Questions about rights that are under way at once. */
const parallel = 8;

/** What an object has made, or why that can't be told. */
export type Children = readonly Owned[] | string;

/**
 * What objects have made, by their keys: asked for as the account of the Delivery, and shown as far as the caller may get it.
 * @param entries those that the caller may see
 */
export async function childrenOf(
  { made, healthContext }: ApiWorld,
  target: Target,
  entries: readonly Entry[],
  may: (ref: ObjectRef) => Promise<boolean>,
): Promise<ReadonlyMap<string, Children>> {
  const makers = entries.filter(({ manifest, applied }) => applied !== undefined && makesOthers(manifest));
  const objects = makers.map(liveNameOf);
  const context = healthContext(target);
  const all = await made(target, objects);
  const children = new Map<string, Children>();
  for (const [index, object] of objects.entries()) {
    const key = makers[index]?.key ?? '';
    const its = all[index] ?? [];
    if (typeof its === 'string') children.set(key, its);
    else children.set(key, ownerTree(object, byOwner(await visible(its, may)), context).children);
  }
  return children;
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
  const allowed = await inParallel(objects, parallel, (object) => may(refOf(object)));
  return objects.filter((_object, index) => allowed[index]);
}
