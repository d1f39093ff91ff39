import { keptBySet, type SetDeletion, takesAllAlong } from '../children.ts';
import { confirmedPruneBy, keptBy } from '../options.ts';
import type { KubeObject } from '../types.ts';

/** Kinds whose deletion takes what they hold with them: never deleted because a line left Git. */
export const protectedKinds: ReadonlySet<string> = new Set([
  'Namespace',
  'CustomResourceDefinition',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'StorageClass',
]);

/**
 * Why an object that left Git must stay, or undefined when it may be deleted.
 * @param deletion what a set says of the Deliveries that leave it
 * @param isConfirmed whether a person said that what is protected may go; what its annotations keep stays all the same
 */
export function keepReason(
  manifest: KubeObject,
  deletion: SetDeletion | undefined,
  isConfirmed = false,
): string | undefined {
  const kept = keptAlways(manifest, isConfirmed);
  if (kept !== undefined || isConfirmed) return kept;
  return keptBySet(manifest, deletion) ?? (takesAllAlong(manifest) ? confirmFirst(manifest) : undefined);
}

/** The same of what a release itself has made that failed: a Delivery that it brought has nothing from before. */
export function keptAlways(manifest: KubeObject, isConfirmed = false): string | undefined {
  const kept = keptBy(manifest);
  if (kept !== undefined || isConfirmed) return kept;
  if (protectedKinds.has(manifest.kind)) return confirmFirst(manifest);
  const option = confirmedPruneBy(manifest);
  return option === undefined ? undefined : `${option}: somebody must confirm it`;
}

function confirmFirst({ kind }: KubeObject): string {
  return `a ${kind} is only pruned when somebody confirms it`;
}

const guardFrom = 10;

/**
 * Why a revision may not be released because of what it would delete.
 * @param wanted how many objects the revision holds
 * @param held how many the cluster holds of this Delivery
 * @param leaving how many of those the revision lacks
 * @param mayBeEmpty whether nothing at all is as good as any other content
 */
export function pruneRefusal(
  wanted: number,
  held: number,
  leaving: number,
  mayBeEmpty = false,
): { code: 'EmptyRender' | 'TooManyPruned'; message: string } | undefined {
  if (wanted === 0 && held > 0 && !mayBeEmpty)
    return {
      code: 'EmptyRender',
      message: `the revision holds no objects at all, while ${held} are in the cluster; nothing is done`,
    };
  if (held >= guardFrom && leaving * 2 > held) {
    return {
      code: 'TooManyPruned',
      message: `the revision would delete ${leaving} of ${held} objects, which is more than half; nothing is done`,
    };
  }
  return undefined;
}
