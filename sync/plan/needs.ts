import type { Entry } from '../release/record.ts';
import { titleOf } from '../types.ts';
import { keepReason } from './prune.ts';
import { keyOfReference, type Reference, vitalReferencesOf } from './references.ts';

/** Workloads that the target wants, while what their pods can't start without is on the list of what is to be pruned. */
export function missingNeeds(entries: readonly Entry[]): string[] {
  return leavingNeeds(entries).map(
    ({ by, kind, name }) => `${titleOf(by.ref)} still needs the ${kind} ${name}, which this revision no longer has`,
  );
}

/** The keys of what is on the list of what is to be pruned while pods can't start without it. */
export function stillNeeded(entries: readonly Entry[]): ReadonlySet<string> {
  return new Set(leavingNeeds(entries).map(({ key }) => key));
}

function leavingNeeds(entries: readonly Entry[]): (Reference & { readonly key: string; readonly by: Entry })[] {
  const isLeaving = ({ removed, manifest }: Entry): boolean => removed && keepReason(manifest, undefined) === undefined;
  const leaving = new Set(entries.filter(isLeaving).map(({ key }) => key));
  if (leaving.size === 0) return [];
  return entries.flatMap((by) => {
    if (by.removed) return [];
    return vitalReferencesOf(by.manifest)
      .map((need) => ({ ...need, by, key: keyOfReference(need) }))
      .filter(({ key }) => leaving.has(key));
  });
}
