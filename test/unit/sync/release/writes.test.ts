import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as release from '../../../../sync/release/drive.ts';
import { goodOf } from '../../../../sync/release/record.ts';
import { isUntouched } from '../../../../sync/release/state.ts';
import { keyOf, type ObjectRef } from '../../../../sync/types.ts';
import { file } from '../support/objects.ts';
import { type FakeTurn, makeTurn } from '../support/turn.ts';
import { type Drive, once, push } from './agent.ts';
import { mutantRoom } from './mutant.ts';

const resource = (apiVersion: string, kind: string) => ({
  apiVersion,
  kind,
  plural: `${kind.toLowerCase()}s`,
  namespaced: true,
});
const kinds = [resource('v1', 'ConfigMap'), resource('v1', 'PersistentVolumeClaim'), resource('batch/v1', 'Job')];

/** What a revision holds of each object, and what somebody does meanwhile. */
interface Step {
  /** By object: its value; undefined where the revision lacks it. */
  readonly values: readonly (number | undefined)[];
  readonly isBad: boolean;
  /** An object that somebody deletes and makes anew on his own account, once the revision is live or has failed. */
  readonly taken: number;
}

const names = ['a', 'b', 'c', 'claim', 'kept'];

const stories = fc.array(
  fc.record<Step>({
    values: fc.array(fc.option(fc.nat({ max: 2 }), { nil: undefined, freq: 2 }), {
      minLength: names.length,
      maxLength: names.length,
    }),
    isBad: fc.boolean(),
    taken: fc.nat({ max: names.length }),
  }),
  { minLength: 2, maxLength: 4 },
);

function filesOf({ values, isBad }: Step) {
  const objects = values.flatMap((value, index) => {
    if (value === undefined) return [];
    const name = names[index] ?? '';
    const kind = name === 'claim' ? 'PersistentVolumeClaim' : 'ConfigMap';
    const keep = name === 'kept' ? ', helm.sh/resource-policy: keep' : '';
    const annotations = `{lockstep.dev/wave: "${index % 2}"${keep}}`;
    return [
      file(
        `${name}.yaml`,
        `apiVersion: v1\nkind: ${kind}\nmetadata: {name: ${name}, annotations: ${annotations}}\ndata: {value: "${value}"}\n`,
      ),
    ];
  });
  const job =
    'apiVersion: batch/v1\nkind: Job\nmetadata: {name: bad, annotations: {lockstep.dev/wave: "1", fails: "yes"}}\n';
  return [
    file('base.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\n'),
    ...objects,
    ...(isBad ? [file('bad.yaml', job)] : []),
  ];
}

/** Objects whose health these tests wait for have one. */
const bound = { phase: 'Bound' };

/** Watches each real write; what breaks a rule is noted. */
function watched(turn: FakeTurn, broken: string[]): void {
  const { cluster } = turn.world;
  turn.world.cluster = (identity) => {
    const real = cluster(identity);
    return {
      ...real,
      apply: async (object, options) => {
        if (!options.dryRun) noteApply(turn, object.kind, object.metadata.name, broken);
        const answer = await real.apply(object, options);
        return {
          ...answer,
          object: { ...answer.object, status: { ...(answer.object['status'] as object), ...bound } },
        };
      },
      delete: async (ref, live, how) => {
        noteDelete(turn, ref, live.metadata.uid ?? '', broken);
        return real.delete(ref, live, how);
      },
    };
  };
}

function noteApply(turn: FakeTurn, kind: string, name: string, broken: string[]): void {
  const { record } = turn.session;
  const { bad, target } = record.standing;
  if (bad === undefined) return;
  const is = ({ ref }: { ref: ObjectRef }): boolean => ref.kind === kind && ref.name === name;
  const isGoods = [...(goodOf(record, target?.sequence)?.objects.values() ?? [])].some(is);
  if (!isGoods && ![...record.entries.values()].some(is)) broken.push(`a rollback writes ${kind} ${name}`);
}

function noteDelete(turn: FakeTurn, ref: ObjectRef, uid: string, broken: string[]): void {
  const { record } = turn.session;
  const { state, isCleaning } = record.standing;
  const what = `${state} deletes ${ref.kind} ${ref.name}`;
  const isResting = ['Synced', 'Held', 'Pruning'].includes(state) && isUntouched(record.standing);
  if (!isResting && !(state === 'RollbackVerifying' && isCleaning)) broken.push(`${what} before anything is verified`);
  const entry = record.entries.get(keyOf(ref));
  if (entry?.applied?.uid !== uid) broken.push(`${what}, which is another one`);
  if (entry?.removed !== true) broken.push(`${what}, which is wanted`);
  if (isCleaning && uid.startsWith('somebodys')) broken.push(`${what}, which was there before`);
  if (ref.kind === 'PersistentVolumeClaim' || ref.name === 'kept') broken.push(`${what}, which is protected`);
}

/** Objects that somebody made before they are named in Git. */
const earlier = ['c'];

/** Pushes each revision and lets the agent work until it rests. @returns the rules that were broken */
async function live(with_: Drive, story: readonly Step[]): Promise<string[]> {
  const turn = makeTurn({ kinds });
  const broken: string[] = [];
  watched(turn, broken);
  for (const name of earlier) makeByHand(turn, 'ConfigMap', name);
  for (const [index, step] of story.entries()) {
    push(turn, String(index), filesOf(step));
    for (let round = 0; round < 25; round += 1) {
      turn.now += 20_000;
      await once(with_, turn);
      if (round === 5) takeOver(turn, names[step.taken]);
    }
  }
  return broken;
}

function takeOver(turn: FakeTurn, name: string | undefined): void {
  const kind = name === 'claim' ? 'PersistentVolumeClaim' : 'ConfigMap';
  const key = `${kind} ${name}`;
  if (name !== undefined && turn.objects.has(key)) makeByHand(turn, kind, name);
}

function makeByHand(turn: FakeTurn, kind: string, name: string): void {
  const metadata = { name, uid: `somebodys-${name}-${turn.now}`, resourceVersion: '1', labels: {} };
  turn.objects.set(`${kind} ${name}`, { apiVersion: 'v1', kind, metadata });
}

const check = (with_: Drive) =>
  fc.check(
    fc.asyncProperty(stories, async (story) => {
      expect(await live(with_, story)).toEqual([]);
    }),
    { numRuns: 250, seed: 4 },
  );

describe('whatever is pushed, and whatever others do', () => {
  it('deletes come after something was verified, and hit only what is ours, unprotected and unwanted', async () => {
    const { failed, counterexample, errorInstance } = await check(release);
    expect(failed ? [counterexample, errorInstance] : undefined).toBeUndefined();
  });

  it.each([
    ['prune.ts', 'return live.metadata.uid === entry.applied.uid && (', 'return ('],
    [
      'prune.ts',
      "import { keepReason, keptAlways } from '../plan/prune.ts';",
      'const keepReason = (_object: unknown, _deletion?: unknown, _is?: boolean): string | undefined => undefined; const keptAlways = (_object: unknown, _is?: boolean): string | undefined => undefined;',
    ],
    ['inverse.ts', "if (entry.origin !== 'created')", 'if (entry.origin === undefined)'],
    ['activities.ts', 'Probation: watchProbation,', 'Probation: prune as unknown as Activity,'],
    ['activities.ts', 'if (session.record.standing.isCleaning) return cleanUp(', 'return cleanUp('],
  ])('they would not, if this were changed: %s: %s', async (name, line, instead) => {
    const broken = await mutantRoom<Drive>('sync/release/drive.ts', `sync/release/${name}`, line, instead);
    expect((await check(broken)).failed).toBe(true);
  });
});
