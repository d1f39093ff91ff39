import { describe, expect, it } from 'vitest';
import { reconcile } from '../../../../sync/reconcile.ts';
import { newSession } from '../../../../sync/session.ts';
import { statusOf } from '../../../../sync/status.ts';
import { summarize } from '../../../../sync/summary.ts';
import { file } from '../support/objects.ts';
import { type FakeTurn, makeTurn, requestOf } from '../support/turn.ts';
import { push, tellAll } from './agent.ts';

const kinds = [{ apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }];
const map = (value: string) =>
  file('a.yaml', `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: "${value}"}\n`);

function start(spec: object): FakeTurn {
  const turn = makeTurn({ kinds, spec });
  push(turn, '1', [map('first')]);
  return turn;
}

async function once(turn: FakeTurn): Promise<void> {
  tellAll(turn);
  turn.session.generation = turn.delivery.generation;
  await reconcile(turn);
}

async function settle(turn: FakeTurn): Promise<void> {
  for (let round = 0; round < 8; round += 1) {
    await once(turn);
    turn.now += 1_000;
  }
}

const state = ({ session }: FakeTurn) => session.record.standing.state;
const says = (turn: FakeTurn) => summarize(turn.delivery, turn.session);
const ask = (turn: FakeTurn, text: string, more: object = {}) =>
  Object.assign(turn.delivery, { request: { ...requestOf(text), ...more } });
const planIn = (turn: FakeTurn): string => /the plan is (\w+)/.exec(says(turn).message)?.[1] ?? '';

describe('an approval', () => {
  it('is needed for each plan, and names who gave it', async () => {
    const turn = start({ sync: { approval: 'required' } });
    await settle(turn);
    expect([state(turn), says(turn).reason, says(turn).stalled]).toEqual(['Blocked', 'AwaitingApproval', true]);
    expect(turn.objects.size).toBe(0);
    ask(turn, 'approve@1', { plan: planIn(turn), by: 'ada' });
    await settle(turn);
    expect(state(turn)).toBe('Synced');
    expect(turn.session.record.history[0]).toMatchObject({ verdict: 'Good', approvedBy: 'ada' });
    push(turn, '2', [map('second')]);
    turn.session.pollAt = 0;
    await settle(turn);
    expect(says(turn).reason).toBe('AwaitingApproval');
    expect(turn.objects.get('ConfigMap a')?.['data']).toEqual({ value: 'first' });
  });

  it('is for one plan: another one waits anew, and its own word is kept over a restart', async () => {
    const turn = start({ sync: { approval: 'required' } });
    await settle(turn);
    const first = planIn(turn);
    push(turn, '2', [map('second')]);
    turn.session.pollAt = 0;
    await settle(turn);
    expect(planIn(turn)).not.toBe(first);
    ask(turn, 'approve@1', { plan: first, by: 'ada' });
    await settle(turn);
    expect([state(turn), turn.objects.size]).toEqual(['Blocked', 0]);
    expect(turn.stored?.approved).toEqual({ plan: first, by: 'ada' });
    ask(turn, 'approve@2', { plan: planIn(turn), by: 'ada' });
    await settle(turn);
    expect(state(turn)).toBe('Synced');
  });

  it('is given by somebody, and only where one is needed', async () => {
    const turn = start({ sync: { approval: 'required' } });
    await settle(turn);
    ask(turn, 'approve@1', { plan: planIn(turn) });
    await once(turn);
    expect(turn.session.refusal).toContain('approve needs a plan and a name');
    const free = start({});
    await settle(free);
    ask(free, 'approve@1', { plan: 'abc', by: 'ada' });
    await once(free);
    expect(free.session.refusal).toContain('no plan waits for an approval');
  });

  it('is used up by the release that it was given for', async () => {
    const turn = start({ sync: { approval: 'required' } });
    await settle(turn);
    ask(turn, 'approve@1', { plan: planIn(turn), by: 'ada' });
    await settle(turn);
    expect(turn.session.record.approved).toBeUndefined();
  });

  it('is all that a manual Delivery needs; a sync without it is not enough', async () => {
    const turn = start({ sync: { approval: 'required', mode: 'manual' } });
    await settle(turn);
    ask(turn, 'sync@1');
    await settle(turn);
    expect(says(turn).reason).toBe('AwaitingApproval');
    ask(turn, 'approve@2', { plan: planIn(turn), by: 'ada' });
    await settle(turn);
    expect(state(turn)).toBe('Synced');
  });
});

describe('a window', () => {
  const minute = 60_000;
  const deny = (more: object = {}) => ({
    sync: { windows: [{ kind: 'deny', schedule: '0 0 1 1 *', duration: '1h', timeZone: 'UTC', ...more }] },
  });
  /** The clock of these tests begins with 1970. */
  const opens = 60 * minute;

  it('that is closed holds a release back until it opens', async () => {
    const turn = start(deny());
    await settle(turn);
    expect([state(turn), says(turn).reason, says(turn).stalled]).toEqual(['Blocked', 'OutsideWindow', false]);
    expect(says(turn).message).toContain('the window that denies them: 0 0 1 1 * for 1h (UTC)');
    expect(says(turn).message).toContain('looked at again at 1970-01-01T01:00:00.000Z');
    turn.now = opens - 1;
    await once(turn);
    expect(turn.objects.size).toBe(0);
    turn.now = opens;
    await settle(turn);
    expect(state(turn)).toBe('Synced');
  });

  it('never holds up healing, nor a way back', async () => {
    const turn = start(deny());
    turn.now = opens;
    await settle(turn);
    push(turn, '2', [map('second')]);
    turn.session.pollAt = 0;
    await settle(turn);
    expect(turn.session.record.standing.good?.revision[0]).toBe('2');
    // A year later the window is closed again.
    turn.now = Date.parse('1971-01-01T00:10:00Z');
    push(turn, '3', [map('third')]);
    turn.session.pollAt = 0;
    await settle(turn);
    expect(says(turn).reason).toBe('OutsideWindow');
    ask(turn, 'rollback@1');
    await settle(turn);
    expect(turn.objects.get('ConfigMap a')?.['data']).toEqual({ value: 'first' });
  });

  it('keeps what a person asked for until it opens, and for that content alone', async () => {
    const { sync } = deny();
    for (const isOther of [false, true]) {
      const turn = start({ sync: { ...sync, mode: 'manual' } });
      await settle(turn);
      ask(turn, 'sync@1');
      await settle(turn);
      expect(says(turn).reason).toBe('OutsideWindow');
      // It is taken note of, and no restart forgets it.
      expect(statusOf(turn.delivery, turn.session, () => undefined, 0, {}).lastRequest).toBe('sync@1');
      if (turn.stored === undefined) throw new Error('nothing was stored');
      turn.session = newSession(turn.stored);
      Object.assign(turn.delivery, { request: undefined });
      if (isOther) push(turn, '2', [map('second')]);
      turn.session.pollAt = 0;
      turn.now = opens;
      await settle(turn);
      expect(state(turn)).toBe(isOther ? 'Blocked' : 'Synced');
    }
  });

  it('lets a person through where it says so', async () => {
    const turn = start(deny({ manualSync: true }));
    await settle(turn);
    expect(says(turn).message).toContain('a `sync` request starts it now');
    ask(turn, 'sync@1');
    await settle(turn);
    expect(state(turn)).toBe('Synced');
    const strict = start(deny());
    await settle(strict);
    ask(strict, 'sync@1');
    await settle(strict);
    expect(says(strict).reason).toBe('OutsideWindow');
  });
});

describe('a dependency', () => {
  it('is waited for before anything is tried', async () => {
    const turn = start({ dependsOn: [{ name: 'database' }] });
    expect(turn.delivery.dependsOn).toEqual(['shop/database']);
    let cause: { reason: string; message: string } | undefined = { reason: 'DependencyNotReady', message: 'waits' };
    turn.world.unmetDependency = () => cause;
    await settle(turn);
    expect([state(turn), says(turn).reason]).toEqual(['Blocked', 'DependencyNotReady']);
    expect(turn.asked).toEqual([]);
    cause = undefined;
    // Whoever it waits for says so.
    if (turn.session.planTrouble !== undefined) turn.session.planTrouble = { ...turn.session.planTrouble, retryAt: 0 };
    await settle(turn);
    expect(state(turn)).toBe('Synced');
  });
});

describe('a verdict that is withheld', () => {
  it('neither fails the release nor lets its time run out', async () => {
    const turn = start({ health: { deadline: '1m' } });
    const failing = file(
      'b.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, annotations: {fails: "yes"}}\ndata: {}\n',
    );
    await settle(turn);
    push(turn, '2', [map('first'), failing]);
    turn.session.pollAt = 0;
    const why = '5 Deliveries fail because of the registry docker.io';
    turn.world.withholds = () => why;
    const { live } = turn.world.watcher;
    turn.world.watcher = {
      ...turn.world.watcher,
      live: (uid, key) => {
        const one = live(uid, key);
        if (one === undefined || !key.endsWith('/b')) return one;
        return { ...one, health: { status: 'Degraded', reason: 'Bad', message: 'it is bad' } };
      },
    };
    for (let minutes = 0; minutes < 60; minutes += 1) {
      await once(turn);
      turn.now += 60_000;
    }
    expect(state(turn)).toBe('Verifying');
    expect(says(turn)).toMatchObject({ reason: 'CircuitOpen', stalled: false, message: `${why}; it is bad` });
    turn.world.withholds = () => undefined;
    await settle(turn);
    expect(['Held', 'RollbackVerifying']).toContain(state(turn));
  });
});
