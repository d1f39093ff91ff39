import { hashValue } from '../../../../diff/hash.ts';
import { entriesFor } from '../../../../sync/plan/plan.ts';
import { keptOf } from '../../../../sync/release/inverse.ts';
import {
  type Applied,
  type Entry,
  emptyRecord,
  type ReleaseRecord,
  stoppedClocks,
} from '../../../../sync/release/record.ts';
import { newStanding } from '../../../../sync/release/standing.ts';
import { type KubeObject, keyOf, refOf } from '../../../../sync/types.ts';

/** A revision that was released. */
const target = {
  revision: 'a'.repeat(40),
  author: 'Ada',
  subject: 'one',
  input: 'x',
  render: 'x',
  sequence: 1,
  startedAt: 0,
};

/** The entry of a manifest; one that was applied when something is said of that. */
export function entryOf(manifest: KubeObject, applied?: Partial<Applied>): Entry {
  const wanted = { key: keyOf(refOf(manifest)), manifest, hash: hashValue(manifest) };
  const [entry] = entriesFor([wanted], emptyRecord()).values();
  if (entry === undefined) throw new Error('no entry');
  if (applied === undefined) return entry;
  return { ...entry, applied: { uid: 'u', hash: entry.hash, owned: '', sequence: 1, ...applied } };
}

/** The record of a first release that runs, or is good. */
export function recordOf(entries: readonly Entry[], state: 'Synced' | 'Applying' | 'Pruning'): ReleaseRecord {
  const good = state === 'Applying' ? undefined : target;
  const kept = entries.flatMap((entry) => (entry.removed ? [] : (keptOf(entry, undefined) ?? [])));
  const objects = new Map(kept.map((one) => [one.key, one]));
  return {
    ...emptyRecord(),
    sequence: 1,
    standing: { ...newStanding(), state, target, good, waves: 1 },
    goods: good === undefined ? [] : [{ release: target, objects }],
    entries: new Map(entries.map((entry) => [entry.key, entry])),
    clocks: { ...stoppedClocks, deadline: 600_000, cap: 600_000 },
  };
}
