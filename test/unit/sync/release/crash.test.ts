import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as release from '../../../../sync/release/drive.ts';
import { emptyRecord } from '../../../../sync/release/record.ts';
import { newSession } from '../../../../sync/session.ts';
import { file } from '../support/objects.ts';
import { type FakeTurn, makeTurn } from '../support/turn.ts';
import { type Drive, once, push } from './agent.ts';
import { mutant } from './mutant.ts';

const kinds = [
  { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true },
  { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs', namespaced: true },
];

/** What a revision holds: ConfigMaps with their values, in waves by their number, and perhaps a Job that fails. */
interface Content {
  readonly values: readonly (number | undefined)[];
  readonly isBad: boolean;
}

const contents = fc.array(
  fc.record<Content>({
    values: fc.array(fc.option(fc.nat({ max: 2 }), { nil: undefined }), { minLength: 3, maxLength: 3 }),
    isBad: fc.boolean(),
  }),
  { minLength: 1, maxLength: 4 },
);

function filesOf({ values, isBad }: Content) {
  const maps = values.flatMap((value, index) => {
    if (value === undefined) return [];
    const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c${index}, annotations: {lockstep.dev/wave: "${index}"}}\ndata: {value: "${value}"}\n`;
    return [file(`c${index}.yaml`, text)];
  });
  const job =
    'apiVersion: batch/v1\nkind: Job\nmetadata: {name: bad, annotations: {lockstep.dev/wave: "1", fails: "yes"}}\n';
  const base = file('base.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\n');
  return [base, ...maps, ...(isBad ? [file('bad.yaml', job)] : [])];
}

class Crash extends Error {}

/** A turn whose agent dies at the steps that are named by their number, counted over all of its lives. */
function livesOf(crashes: readonly number[]): { turn: FakeTurn; life: { isOver: boolean } } {
  const life = { isOver: false };
  let count = 0;
  const turn = makeTurn({ kinds });
  const { records, cluster } = turn.world;
  // Whoever is dead does nothing any more, also where its own code would go on after an error.
  const living = <A extends unknown[], R>(act: (...args: A) => R) => {
    return (...args: A): R => {
      if (life.isOver) throw new Crash();
      return act(...args);
    };
  };
  turn.world.reach = () => {
    count += 1;
    life.isOver ||= crashes.includes(count);
    if (life.isOver) throw new Crash();
  };
  turn.world.records = { ...records, save: living(records.save) };
  turn.world.cluster = (identity) => {
    const real = cluster(identity);
    return { ...real, apply: living(real.apply), delete: living(real.delete), get: living(real.get) };
  };
  return { turn, life };
}

/** All that the next agent knows is the record, and what its watches tell. */
function bury(turn: FakeTurn): void {
  turn.session = newSession(turn.stored ?? emptyRecord());
  turn.world.watcher.forget(turn.delivery.uid);
  turn.world.watcher.follow(turn.delivery.uid, '', turn.session.record.entries);
  for (const object of turn.objects.values()) turn.tell({ type: 'changed', object });
}

/** Pushes each content and lets the agent work until it rests; whenever it dies, one that knows only the record goes on. */
async function live(with_: Drive, all: readonly Content[], crashes: readonly number[]): Promise<object> {
  const { turn, life } = livesOf(crashes);
  for (const [index, content] of all.entries()) {
    push(turn, String(index), filesOf(content));
    for (let round = 0; round < 40; round += 1) {
      turn.now += 20_000;
      await once(with_, turn).catch((error: unknown) => {
        if (!(error instanceof Crash)) throw error;
      });
      if (life.isOver) bury(turn);
      life.isOver = false;
    }
  }
  const { standing, entries } = turn.session.record;
  return {
    state: standing.state,
    target: standing.target?.revision,
    good: standing.good?.revision,
    held: standing.held.map(({ input }) => input),
    objects: Object.fromEntries([...turn.objects].map(([key, { data }]) => [key, data]).sort()),
    entries: [...entries.keys()].sort(),
  };
}

const property = (with_: Drive) =>
  fc.asyncProperty(contents, fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 3 }), async (all, crashes) => {
    expect(await live(with_, all, crashes)).toEqual(await live(release, all, []));
  });

/** Dies once at each step in turn, on the way through a good, a bad and a good revision; answers the first that matters. */
async function fatalStep(with_: Drive): Promise<number | undefined> {
  const story: Content[] = [
    { values: [undefined, 1, undefined], isBad: false },
    { values: [1, 2, undefined], isBad: true },
    { values: [undefined, 2, 1], isBad: false },
  ];
  const end = JSON.stringify(await live(release, story, []));
  for (let step = 1; step < 80; step += 1) {
    if (JSON.stringify(await live(with_, story, [step])) !== end) return step;
  }
  return undefined;
}

describe('an agent that dies', () => {
  it('at any steps is followed by one that reaches the same end', async () => {
    await fc.assert(property(release), { numRuns: 120, seed: 4 });
  });

  it('once, at any one step, is followed by one that reaches the same end', async () => {
    expect(await fatalStep(release)).toBeUndefined();
  });

  it.each([
    ['writeAhead.includes(command)', "command === 'freeze'"],
    ['await keepRecord(turn,', 'if (event.type !== "failed") await keepRecord(turn,'],
  ])('would not be, if this were changed: %s', async (line, instead) => {
    expect(await fatalStep(await mutant<Drive>('sync/release/drive.ts', line, instead))).toBeDefined();
  });
});
