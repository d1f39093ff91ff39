import { describe, expect, it } from 'vitest';
import { hashValue } from '../../../../diff/hash.ts';
import {
  changedEntries,
  entriesFor,
  leftAlone,
  planLeftAlone,
  planLine,
  planPrune,
} from '../../../../sync/plan/plan.ts';
import { type Entry, emptyRecord, type ReleaseRecord } from '../../../../sync/release/record.ts';
import { type KubeObject, keyOf, refOf } from '../../../../sync/types.ts';
import { object } from '../support/objects.ts';
import { recordOf } from '../support/records.ts';

describe('a plan', () => {
  const wanted = (manifest: KubeObject) => ({ key: keyOf(refOf(manifest)), manifest, hash: hashValue(manifest) });
  const apply = (entries: ReadonlyMap<string, Entry>, sequence: number): Map<string, Entry> =>
    new Map(
      [...entries].map(([key, entry]) => [
        key,
        { ...entry, applied: { uid: key, hash: entry.hash, owned: 'o', sequence } },
      ]),
    );
  const first = entriesFor([wanted(object('ConfigMap', 'a')), wanted(object('ConfigMap', 'b'))], emptyRecord());
  const record: ReleaseRecord = { ...emptyRecord(), sequence: 1, entries: apply(first, 1) };

  it('touches only what changed', () => {
    const changed = object('ConfigMap', 'a', { annotations: { x: 'y' } });
    const entries = entriesFor([wanted(changed), wanted(object('ConfigMap', 'b'))], record);
    expect(changedEntries(entries).map((entry) => entry.ref.name)).toEqual(['a']);
    expect(entries.get('/ConfigMap//a')?.applied?.manifest).toEqual(object('ConfigMap', 'a'));
  });

  it('knows an object by group and kind, not by version', () => {
    const old = wanted(object('Deployment', 'web', { apiVersion: 'apps/v1beta1' }));
    const now = wanted(object('Deployment', 'web', { apiVersion: 'apps/v1' }));
    const before = { ...emptyRecord(), entries: apply(entriesFor([old], emptyRecord()), 1) };
    expect(planPrune(entriesFor([now], before), true)).toEqual([]);
  });

  it('keeps on the list what left Git, until it is deleted', () => {
    const entries = entriesFor([wanted(object('ConfigMap', 'b'))], record);
    expect(planPrune(entries, true).map((item) => `${item.action} ${item.ref.name}`)).toEqual(['prune a']);
    expect(planPrune(entries, false).map((item) => item.action)).toEqual(['skip']);
    const again = entriesFor([wanted(object('ConfigMap', 'b')), wanted(object('ConfigMap', 'a'))], {
      ...record,
      entries,
    });
    expect(again.get('/ConfigMap//a')).toMatchObject({ removed: false, applied: { uid: '/ConfigMap//a' } });
  });

  it('keeps on the list what a running release was about to write', () => {
    const running = { ...recordOf([], 'Applying'), entries: first };
    expect(entriesFor([], running).get('/ConfigMap//a')).toMatchObject({ removed: true, applied: undefined });
    expect(entriesFor([], { ...recordOf([], 'Synced'), entries: first }).size).toBe(0);
  });

  it('forgets what Git asks to be left alone: it is neither applied, waited for, pruned nor deleted', () => {
    const skipped = [refOf(object('ConfigMap', 'a'))];
    const entries = entriesFor([wanted(object('ConfigMap', 'b'))], record, skipped);
    expect([...entries.keys()]).toEqual(['/ConfigMap//b']);
    expect(planLeftAlone(record, skipped).map(planLine)).toEqual(['skip ConfigMap a: Git asks to leave it alone']);
    // What was about to be applied is not applied any more.
    const running = { ...recordOf([], 'Applying'), entries: first };
    expect(changedEntries(entriesFor([], running, skipped)).map((entry) => entry.ref.name)).toEqual([]);
  });

  it('knows what to leave alone also while the namespace of a kind is a guess', () => {
    const global = object('Gizmo', 'big', { apiVersion: 'x.io/v1' });
    const guessed = refOf(object('Gizmo', 'big', { apiVersion: 'x.io/v1', namespace: 'shop' }));
    const before = { ...emptyRecord(), entries: apply(entriesFor([wanted(global)], emptyRecord()), 1) };
    expect(entriesFor([], before, [guessed]).size).toBe(0);
    const other = refOf(object('ConfigMap', 'a', { namespace: 'other' }));
    expect(leftAlone([other])(refOf(object('ConfigMap', 'a', { namespace: 'shop' })))).toBe(false);
  });

  it('runs a Job again that failed and is gone', () => {
    const job = wanted(object('Job', 'migration', { apiVersion: 'batch/v1' }));
    const spent = (end: 'Complete' | 'JobFailed'): ReleaseRecord => {
      const [entry] = apply(entriesFor([job], emptyRecord()), 1).values();
      if (entry?.applied === undefined) throw new Error('no entry');
      return {
        ...emptyRecord(),
        entries: new Map([[entry.key, { ...entry, applied: { ...entry.applied, spent: end } }]]),
      };
    };
    expect(changedEntries(entriesFor([job], spent('JobFailed'))).map((entry) => entry.ref.name)).toEqual(['migration']);
    expect(changedEntries(entriesFor([job], spent('Complete')))).toEqual([]);
  });
});
