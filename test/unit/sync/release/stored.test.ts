import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isObject, type JsonObject, objectsAt, parseJson, toJson } from '../../../../diff/json.ts';
import { drive } from '../../../../sync/release/drive.ts';
import { type Entry, emptyRecord, goodOf, type Kept, type ReleaseRecord } from '../../../../sync/release/record.ts';
import { readRecord, writeRecord } from '../../../../sync/release/stored.ts';
import { object } from '../support/objects.ts';
import { entryOf, recordOf } from '../support/records.ts';
import { makeTurn } from '../support/turn.ts';
import { tellAll } from './agent.ts';

const kinds = [{ apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }];

/** A record as it comes back from where it is stored. */
function stored(base: ReleaseRecord, record: ReleaseRecord): ReleaseRecord {
  const delta = parseJson(toJson(writeRecord(record, base).stored));
  return readRecord(isObject(delta) ? delta : {}, base);
}

const named = (number: number, value = 0): Entry => {
  const made = entryOf(
    { ...object('ConfigMap', `c${number}`, { namespace: 'shop' }), data: { value: String(value) } },
    {},
  );
  return { ...made, hash: `h${number}-${value}` };
};
const keptOf = ({ key, ref, wave, step, manifest, hash }: Entry, sequence: number): Kept => ({
  key,
  ref,
  wave,
  step,
  manifest,
  hash,
  uid: key,
  sequence,
  answer: undefined,
});
const byKey = <T extends { key: string }>(items: readonly T[]): Map<string, T> =>
  new Map(items.map((item) => [item.key, item]));
const release = (sequence: number) => ({
  sequence,
  revision: `r${sequence}`,
  author: 'a',
  subject: 's',
  input: 'i',
  render: 'r',
  startedAt: 0,
});

/** What may happen to a record between two saves. */
const step = fc.record({
  changed: fc.array(fc.tuple(fc.nat(20), fc.nat(3)), { maxLength: 5 }),
  removed: fc.array(fc.nat(20), { maxLength: 3 }),
  isGood: fc.boolean(),
  isPlanned: fc.boolean(),
  isBase: fc.boolean(),
});

type Step = { changed: [number, number][]; removed: number[]; isGood: boolean; isPlanned: boolean };

function happen(record: ReleaseRecord, { changed, removed, isGood, isPlanned }: Step): ReleaseRecord {
  const entries = new Map(record.entries);
  for (const [number, value] of changed) entries.set(named(number).key, named(number, value));
  for (const number of removed) entries.delete(named(number).key);
  // A plan makes every entry anew, of the same parts.
  if (isPlanned)
    for (const [key, entry] of entries) entries.set(key, { ...entry, applied: entry.applied && { ...entry.applied } });
  const sequence = record.sequence + 1;
  const last = record.goods[0]?.objects ?? new Map<string, Kept>();
  const objects = [...entries.values()].map((entry) =>
    last.get(entry.key)?.hash === entry.hash ? (last.get(entry.key) as Kept) : keptOf(entry, sequence),
  );
  const goods = isGood
    ? [{ release: release(sequence), objects: byKey(objects) }, ...record.goods].slice(0, 3)
    : record.goods;
  return { ...record, sequence, entries, goods };
}

describe('a stored record', () => {
  it('makes the record again of any base, whatever happened in between', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 15 }), (steps) => {
        let record = recordOf([named(1), named(2)], 'Synced');
        let base = emptyRecord();
        for (const one of steps) {
          record = happen(record, one);
          if (one.isBase) base = readRecord(parseJson(toJson(writeRecord(record).stored)) as never);
          const read = stored(base, record);
          expect(read).toEqual(record);
          // An agent that goes on from what was stored stores the same.
          if (one.isBase) record = read;
        }
      }),
      { numRuns: 200 },
    );
  });

  it('holds what has changed, and nothing of the rest', () => {
    const base = recordOf(
      Array.from({ length: 1_000 }, (_, n) => named(n)),
      'Synced',
    );
    const objects = byKey([...base.entries.values()].map((entry) => keptOf(entry, 1)));
    const whole = { ...base, goods: [{ release: release(1), objects }] };
    const planned = happen(whole, { changed: [[7, 1]], removed: [9], isGood: true, isPlanned: true });
    const { stored: delta, size } = writeRecord(planned, whole);
    expect(size).toBe(2);
    expect(toJson(delta).length).toBeLessThan(4_000);
    expect(stored(whole, planned)).toEqual(planned);
  });
});

describe('the record of another version', () => {
  const before: unknown = JSON.parse(readFileSync('test/fixtures/records/version-2.json', 'utf8'));
  const plain = isObject(before as never) ? (before as JsonObject) : {};

  it('of the release before is gone on with', async () => {
    const record = readRecord(plain);
    expect(record).toMatchObject({
      sequence: 2,
      standing: { state: 'Applying', wave: 1 },
      analysis: {},
      planHash: 'abc',
    });
    expect(record.standing.held).toHaveLength(1);
    expect(goodOf(record, 1)?.objects.size).toBe(1);
    const turn = makeTurn({ record, kinds });
    turn.objects.set('ConfigMap a', { ...object('ConfigMap', 'a'), data: { value: 'a' } } as never);
    tellAll(turn);
    await drive(turn);
    expect(turn.objects.get('ConfigMap b')?.['data']).toEqual({ value: 'b' });
  });

  it('of a later one keeps what is not known here, in what is written again', () => {
    const [entry, ...others] = objectsAt(plain, 'entries');
    const later = { ...plain, later: { a: 1 }, entries: [{ ...entry, later: [1] }, ...others] };
    const again = parseJson(toJson(writeRecord(readRecord(later)).stored));
    expect(again).toMatchObject({ later: { a: 1 }, entries: [{ later: [1] }, {}] });
  });

  it('whose format is another is not read at all', () => {
    expect(() => readRecord({ ...plain, version: 3 })).toThrow('the record has version 3, not 2');
  });
});
