import { describe, expect, it } from 'vitest';
import { moved } from '../../../../sync/release/moves.ts';
import { type Entry, irreversibleHook, type ReleaseRecord } from '../../../../sync/release/record.ts';
import { next } from '../../../../sync/release/state.ts';
import { object } from '../support/objects.ts';
import { entryOf, recordOf } from '../support/records.ts';

const circumstances = {
  now: 0,
  steady: 0,
  deadline: 1,
  cap: 1,
  probation: 0,
  history: 10,
  plan: undefined,
};

/** A migration of a release that has succeeded. */
function migrated(): { record: ReleaseRecord; hook: Entry } {
  const hook: Entry = {
    ...entryOf(object('Job', 'migrate'), { spent: 'Complete', sequence: 1 }),
    hook: { phase: 'PreSync', deletes: [], isIrreversible: true } as never,
  };
  return { record: recordOf([hook], 'Applying'), hook };
}

/** The record once a newer release has begun instead. */
function superseded(record: ReleaseRecord): ReleaseRecord {
  const release = {
    ...record.standing.target,
    revision: 'b'.repeat(40),
    input: 'y',
    render: 'y',
    sequence: 2,
  } as never;
  const plan = { release, entries: new Map(), actions: {}, lines: [], baseline: [], hash: 'h' };
  const event = { type: 'planned', release, waves: 1 } as const;
  const outcome = next({ ...record.standing, state: 'Planning', former: 'Applying' }, event);
  if (outcome === undefined) throw new Error('nothing moves');
  return moved(record, outcome, event, { ...circumstances, plan });
}

describe('a hook that nothing undoes', () => {
  it('stands in the way of a rollback also once a newer release has taken the place of its own', () => {
    const { record, hook } = migrated();
    expect(irreversibleHook(record)).toEqual(hook.ref);
    const newer = superseded(record);
    expect(newer.standing.target?.sequence).toBe(2);
    expect(irreversibleHook(newer)).toEqual(hook.ref);
  });

  it('is forgotten when what runs is good', () => {
    const newer = superseded(migrated().record);
    const { crossed: _crossed, ...known } = newer;
    const outcome = next({ ...newer.standing, state: 'Probation' }, { type: 'ended' });
    if (outcome === undefined) throw new Error('nothing moves');
    const good = moved(newer, outcome, { type: 'ended' }, circumstances);
    expect(good.goods[0]?.release.sequence).toBe(2);
    expect(irreversibleHook(good)).toBeUndefined();
    expect(irreversibleHook(known)).toBeUndefined();
  });
});
