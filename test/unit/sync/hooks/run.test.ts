import { describe, expect, it } from 'vitest';
import { endHooks, runHook, runPhase } from '../../../../sync/hooks/run.ts';
import { type Entry, emptyRecord } from '../../../../sync/release/record.ts';
import type { KubeObject } from '../../../../sync/types.ts';
import { object } from '../support/objects.ts';
import { entryOf, recordOf } from '../support/records.ts';
import { type FakeTurn, makeTurn, uid } from '../support/turn.ts';

const job = object('Job', 'migrate', { apiVersion: 'batch/v1', namespace: 'shop' });
const hook = { phase: 'PreSync', deletes: [] } as const;

/** A live Job of some release. */
function live(release: string, status: object = {}): KubeObject {
  const annotations = { 'lockstep.dev/release': release };
  return { ...job, metadata: { ...job.metadata, uid: 'u', annotations }, status } as unknown as KubeObject;
}

function turnWith(entry: Entry, found?: KubeObject): FakeTurn {
  const turn = makeTurn({ record: { ...recordOf([entry], 'Applying'), sequence: 7 } });
  const { standing } = turn.session.record;
  const target = { sequence: 7, startedAt: 0, input: '', render: '', revision: 'r', author: '', subject: '' };
  turn.session.record = { ...turn.session.record, standing: { ...standing, target } };
  turn.world.watcher.follow(uid, 'me', turn.session.record.entries);
  if (found !== undefined) turn.objects.set('Job migrate', found);
  return turn;
}

const wanted: Entry = { ...entryOf(job), hook, applied: undefined };

describe('a hook', () => {
  it('that was made although no answer said so is taken as it is', async () => {
    const turn = turnWith(wanted, live('7'));
    await runHook(turn, wanted);
    expect(turn.asked).toEqual(['get Job migrate']);
    expect(turn.session.record.entries.get(wanted.key)?.applied).toMatchObject({ uid: 'u', sequence: 7 });
  });

  it('waits a minute for a run of an earlier release that still runs, and then ends it', async () => {
    const turn = turnWith(wanted, live('6'));
    await expect(runHook(turn, wanted)).rejects.toThrow('of an earlier release still runs; it is given a minute');
    turn.now += 59_000;
    await expect(runHook(turn, wanted)).rejects.toThrow('still runs');
    expect(turn.objects.has('Job migrate')).toBe(true);
    turn.now += 2_000;
    await expect(runHook(turn, wanted)).rejects.toThrow('is being deleted; it is made again when it is gone');
    expect(turn.objects.has('Job migrate')).toBe(false);
    await runHook(turn, wanted);
    expect(turn.asked.at(-1)).toBe('apply Job migrate');
  });

  it('does not wait for one that has ended', async () => {
    const turn = turnWith(wanted, live('6', { conditions: [{ type: 'Complete', status: 'True' }] }));
    await expect(runHook(turn, wanted)).rejects.toThrow('is being deleted');
    expect(turn.objects.has('Job migrate')).toBe(false);
  });

  it('that still runs when the release has failed is given a minute, and then deleted', async () => {
    const running = { ...wanted, applied: { uid: 'u', hash: wanted.hash, owned: '', sequence: 7 } };
    const turn = turnWith(running, live('7'));
    expect(await endHooks(turn)).toBe(false);
    expect(turn.session.waiting).toEqual(['Job shop/migrate still runs; it is given a minute']);
    turn.now += 61_000;
    expect(await endHooks(turn)).toBe(true);
    expect(turn.objects.has('Job migrate')).toBe(false);
    expect(turn.session.record.entries.get(running.key)?.applied?.spent).toBe('JobFailed');
  });

  it('of a phase that takes too long ends the phase, is told, and is never begun later', async () => {
    const late = { ...wanted, hook: { phase: 'SyncFail', deletes: [] } } as const;
    const turn = turnWith(late);
    const told: string[] = [];
    turn.world.event = (_type, reason, message) => told.push(`${reason}: ${message}`);
    expect(await runPhase(turn, 'SyncFail', turn.now)).toEqual({ problems: ['SyncFail: it takes too long'] });
    expect(told).toEqual(['HookFailed: SyncFail: it takes too long']);
    expect(await runPhase(turn, 'SyncFail', turn.now + 1_000)).toEqual({ problems: [] });
    expect(turn.objects.size).toBe(0);
  });

  it('is not there for a phase that nobody has', async () => {
    const turn = makeTurn({ record: emptyRecord() });
    expect(await runPhase(turn, 'PreRollback')).toEqual({ problems: [] });
    expect(turn.asked).toEqual([]);
  });
});
