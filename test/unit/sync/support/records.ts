import { hashValue } from '../../../../diff/hash.ts';
import { entriesFor } from '../../../../sync/plan/plan.ts';
import { type Applied, type Entry, emptyRecord, type ReleaseRecord } from '../../../../sync/release/record.ts';
import { type KubeObject, keyOf, refOf } from '../../../../sync/types.ts';

/** A revision that was released. */
const target = { revision: 'a'.repeat(40), author: 'Ada', subject: 'one', input: 'x', startedAt: 0 };

/** The entry of a manifest; one that was applied when something is said of that. */
export function entryOf(manifest: KubeObject, applied?: Partial<Applied>): Entry {
  const wanted = { key: keyOf(refOf(manifest)), manifest, hash: hashValue(manifest) };
  const [entry] = entriesFor([wanted], emptyRecord()).values();
  if (entry === undefined) throw new Error('no entry');
  if (applied === undefined) return entry;
  return { ...entry, applied: { uid: 'u', hash: entry.hash, owned: '', sequence: 1, ...applied } };
}

/** The record of a first release that runs, or is good. */
export function recordOf(entries: readonly Entry[], phase: ReleaseRecord['phase']): ReleaseRecord {
  const good = phase === 'Released' ? { good: { sequence: 1, revision: target.revision } } : {};
  const map = new Map(entries.map((entry) => [entry.key, entry]));
  return { ...emptyRecord(), sequence: 1, phase, target, ...good, entries: map };
}
