import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as inverse from '../../../../sync/release/inverse.ts';
import { type Entry, isPending, type Kept } from '../../../../sync/release/record.ts';
import { object } from '../support/objects.ts';
import { entryOf } from '../support/records.ts';
import { mutant } from './mutant.ts';

type Inverse = typeof inverse;

const kinds = [
  'ConfigMap',
  'Deployment',
  'Namespace',
  'CustomResourceDefinition',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'StorageClass',
];

/** One object as the bad release has it, and as good has it. */
interface Case {
  readonly kind: string;
  readonly isKeep: boolean;
  readonly inGood: boolean;
  readonly inBad: 'same' | 'changed' | 'removed' | 'no';
  readonly origin: 'created' | 'adopted';
  readonly isApplied: boolean;
}

const cases = fc.array(
  fc.record<Case>({
    kind: fc.constantFrom(...kinds),
    isKeep: fc.boolean(),
    inGood: fc.boolean(),
    inBad: fc.constantFrom('same', 'changed', 'removed', 'no'),
    origin: fc.constantFrom('created', 'adopted'),
    isApplied: fc.boolean(),
  }),
  { maxLength: 12 },
);

function build(all: readonly Case[], { keptOf }: Inverse): { entries: Map<string, Entry>; good: Map<string, Kept> } {
  const entries = new Map<string, Entry>();
  const good = new Map<string, Kept>();
  all.forEach((one, index) => {
    const [was, bad] = (['good', 'bad'] as const).map((of) => wanted(one, index, of));
    if (was === undefined || bad === undefined) throw new Error('no entry');
    const kept = keptOf(was, undefined);
    if (one.inGood && kept !== undefined) good.set(was.key, kept);
    if (one.inBad !== 'no') entries.set(was.key, one.inGood ? shared(one, was, bad) : added(one, bad));
  });
  return { entries, good };
}

function wanted({ kind, isKeep }: Case, index: number, of: string): Entry {
  const annotations: Record<string, string> = isKeep ? { 'helm.sh/resource-policy': 'keep' } : {};
  return entryOf(object(kind, `o${index}`, { annotations, spec: { of } }), {});
}

/** An object that good holds too, in the middle of the bad release. */
function shared({ inBad, isApplied }: Case, was: Entry, bad: Entry): Entry {
  if (inBad !== 'changed') return { ...was, removed: inBad === 'removed' };
  return isApplied ? { ...bad, touched: true } : { ...bad, applied: was.applied };
}

/** An object that only the bad release has. */
function added({ origin, isApplied }: Case, bad: Entry): Entry {
  return { ...bad, origin, applied: isApplied ? bad.applied : undefined };
}

const claims: {
  name: string;
  claim: (all: readonly Case[], with_: Inverse) => boolean;
  mutations: [string, string][];
}[] = [
  {
    name: 'a rollback never deletes what is protected, kept or only taken over, nor what good holds',
    claim: (all, with_) => {
      const { entries, good } = build(all, with_);
      const doomed = with_.fatesOf(with_.turnBack(entries, good)).filter(({ stays }) => stays === undefined);
      return doomed.every(({ entry }) => {
        const index = Number(entry.ref.name.slice(1));
        const one = all[index];
        const isFree = entry.ref.kind === 'ConfigMap' || entry.ref.kind === 'Deployment';
        return isFree && one?.isKeep === false && one.origin === 'created' && !good.has(entry.key);
      });
    },
    mutations: [
      ["if (entry.origin !== 'created')", 'if (entry.origin === undefined)'],
      ['const reason = keptAlways(entry.manifest);', 'const reason = undefined as string | undefined;'],
    ],
  },
  {
    name: 'a rollback writes only what the bad release wanted otherwise, and all of that',
    claim: (all, with_) => {
      const { entries, good } = build(all, with_);
      const turned = with_.turnBack(entries, good);
      return [...turned.values()].every((entry) => {
        const kept = good.get(entry.key);
        if (kept === undefined) return entry.removed && entries.has(entry.key);
        const before = entries.get(entry.key);
        const wasOther = before === undefined || before.hash !== kept.hash;
        return !entry.removed && entry.hash === kept.hash && isPending(entry) === wasOther;
      });
    },
    mutations: [
      [
        'entry !== undefined && entry.hash === hash && entry.touched !== true',
        'entry !== undefined && entry.touched !== true',
      ],
      ['if (isAsItWas) return wanted;', 'if (isAsItWas && entry.removed) return wanted;'],
      ['turned.set(key, { ...backTo(kept, entries.get(key), current.has(key)), ...taken });', ''],
    ],
  },
];

describe('going back behind the good release that is left', () => {
  const entry = entryOf(object('ConfigMap', 'x'), {});
  const kept = inverse.keptOf(entry, undefined) as Kept;
  const back = (there: Entry | undefined) =>
    inverse
      .turnBack(new Map(there === undefined ? [] : [[entry.key, there]]), new Map([[entry.key, kept]]), new Map())
      .get(entry.key);

  it('makes what is gone again, as ours', () =>
    expect(back(undefined)).toMatchObject({ origin: 'created', touched: true }));

  it('takes what is only on the list of what goes off it, and back onto it by a further way back', () => {
    const wanted = back({ ...entry, removed: true });
    expect(wanted).toMatchObject({ removed: false, isLeaving: true });
    expect(wanted?.origin).toBeUndefined();
    const again = inverse.turnBack(new Map([[entry.key, wanted as Entry]]), new Map(), new Map());
    expect(inverse.fatesOf(again)).toEqual([]);
  });
});

describe('the inverse', () => {
  const check = (claim: (typeof claims)[number]['claim'], with_: Inverse) =>
    fc.check(
      fc.property(cases, (all) => claim(all, with_)),
      { numRuns: 500, seed: 4 },
    );

  it.each(claims)('holds: $name', ({ claim }) => {
    const { failed, counterexample } = check(claim, inverse);
    expect(failed ? counterexample : undefined).toBeUndefined();
  });

  it.each(claims.flatMap(({ claim, mutations }) => mutations.map(([line, instead]) => ({ claim, line, instead }))))(
    'is caught without this line: $line',
    async ({ claim, line, instead }) => {
      const broken = await mutant<Inverse>('sync/release/inverse.ts', line, instead);
      expect(check(claim, broken).failed).toBe(true);
    },
  );
});
