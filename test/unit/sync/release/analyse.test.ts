import { describe, expect, it } from 'vitest';
import type { Measurement } from '../../../../health/analysis.ts';
import { reconcile } from '../../../../sync/reconcile.ts';
import { newSession } from '../../../../sync/session.ts';
import { summarize } from '../../../../sync/summary.ts';
import { file } from '../support/objects.ts';
import { type FakeTurn, makeTurn, requestOf } from '../support/turn.ts';
import { push, tellAll } from './agent.ts';

const kinds = [{ apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }];
const map = (value: string) =>
  file('a.yaml', `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: "${value}"}\n`);
const metric = {
  name: 'errors',
  prometheus: { address: 'http://prometheus:9090', query: 'x' },
  successCondition: 'value < 1',
  interval: '10s',
  count: 3,
};

interface Measured {
  readonly turn: FakeTurn;
  /** What comes of the measurements that are made from now on. */
  says: Measurement['outcome'];
  /** When each was made, in milliseconds, and for which release. */
  readonly made: { at: number; release: number; index: number }[];
}

/** An app that was good, measured by whatever a test says. */
async function measured(fields: object = {}, health: object = {}): Promise<Measured> {
  const turn = makeTurn({ kinds, spec: { health: { analysis: [{ ...metric, ...fields }], ...health } } });
  const all: Measured = { turn, says: 'Successful', made: [] };
  turn.world.measure = async ({ release, index }) => {
    all.made.push({ at: turn.now, release, index });
    return { outcome: all.says, message: 'it is 0.5' };
  };
  push(turn, '1', [map('good')]);
  await pass(turn, 60_000);
  expect(turn.session.record.standing.state).toBe('Synced');
  all.made.length = 0;
  push(turn, '2', [map('new')]);
  turn.session.pollAt = 0;
  return all;
}

/** Lets time go by, a turn a second. */
async function pass(turn: FakeTurn, milliseconds: number): Promise<void> {
  for (const end = turn.now + milliseconds; turn.now < end; turn.now += 1_000) {
    tellAll(turn);
    turn.session.generation = turn.delivery.generation;
    await reconcile(turn);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const state = ({ turn }: Measured) => turn.session.record.standing.state;
const revision = ({ turn }: Measured) => turn.session.record.standing.good?.revision[0];
const live = ({ turn }: Measured) => turn.objects.get('ConfigMap a')?.['data'];

describe('the analysis of a release', () => {
  it('makes it good when all measurements are made, and not before', async () => {
    const all = await measured({ initialDelay: '5s' });
    await pass(all.turn, 20_000);
    expect(state(all)).toBe('Baking');
    expect(summarize(all.turn.delivery, all.turn.session).message).toContain(
      'analysis errors: it is 0.5; 2 successful of 3',
    );
    await pass(all.turn, 30_000);
    expect([state(all), revision(all)]).toEqual(['Synced', '2']);
    const times = all.made.map(({ at }) => at - (all.made[0]?.at ?? 0));
    expect(times).toEqual([0, 10_000, 20_000]);
    expect(all.made.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  it('is as good as its worst metric, in whatever order they stand', async () => {
    for (const [first, second] of [
      ['Inconclusive', 'Failed'],
      ['Failed', 'Inconclusive'],
      ['Error', 'Failed'],
    ] as const) {
      const says = { good: { first: 'Successful', second: 'Successful' }, bad: { first, second } } as const;
      const metrics = ['first', 'second'].map((name) => ({ ...metric, name, count: 1, consecutiveErrorLimit: 0 }));
      const { turn } = await measured({}, { analysis: metrics });
      turn.world.measure = async (asked) => ({
        outcome: says[asked.release === 1 ? 'good' : 'bad'][asked.metric.name as 'first' | 'second'],
        message: 'told',
      });
      await pass(turn, 30_000);
      const [held] = turn.session.record.standing.held;
      const worst = first === 'Failed' ? 'first' : 'second';
      expect(held?.cause).toMatchObject({ reason: 'AnalysisFailed', message: expect.stringContaining(worst) });
    }
  });

  it('lasts as long as the release is watched, where no count says otherwise', async () => {
    const all = await measured({ count: undefined }, { bake: '35s' });
    await pass(all.turn, 30_000);
    expect([state(all), all.made.length]).toEqual(['Baking', 3]);
    await pass(all.turn, 20_000);
    expect([state(all), all.made.length]).toEqual(['Synced', 4]);
  });

  it('takes it back when a metric fails', async () => {
    const all = await measured();
    await pass(all.turn, 5_000);
    all.says = 'Failed';
    await pass(all.turn, 20_000);
    expect([state(all), revision(all)]).toEqual(['Held', '1']);
    expect(live(all)).toEqual({ value: 'good' });
    expect(all.turn.session.record.standing.held[0]?.cause).toEqual({
      reason: 'AnalysisFailed',
      message: 'analysis errors: it is 0.5; 1 successful, 1 failed of 3',
    });
  });

  it('lets a person accept what failed, and only that check', async () => {
    const all = await measured();
    all.says = 'Failed';
    await pass(all.turn, 30_000);
    Object.assign(all.turn.delivery, { request: { ...requestOf('accept@1'), by: 'ada' } });
    await pass(all.turn, 60_000);
    expect([state(all), revision(all)]).toEqual(['Synced', '2']);
  });

  it.each(['Inconclusive', 'NoData'] as const)('pauses when it is %s, until somebody decides', async (outcome) => {
    const all = await measured();
    all.says = outcome;
    await pass(all.turn, 3_600_000 / 20);
    expect([state(all), all.made.length, revision(all)]).toEqual(['Paused', 1, '1']);
    const { reason, stalled, message } = summarize(all.turn.delivery, all.turn.session);
    expect([reason, stalled]).toEqual(['AnalysisInconclusive', true]);
    expect(message).toContain('request resume to measure again, accept to let it pass, or rollback');

    const before = all.made.length;
    Object.assign(all.turn.delivery, { request: requestOf('resume@1') });
    all.says = 'Successful';
    await pass(all.turn, 40_000);
    expect([state(all), revision(all), all.made.length - before]).toEqual(['Synced', '2', 3]);
  });

  it('that is paused goes on when a person lets it pass, or back', async () => {
    const accepted = await measured();
    accepted.says = 'Inconclusive';
    await pass(accepted.turn, 5_000);
    Object.assign(accepted.turn.delivery, { request: { ...requestOf('accept@1'), by: 'ada' } });
    await pass(accepted.turn, 60_000);
    expect([state(accepted), revision(accepted)]).toEqual(['Synced', '2']);

    const refused = await measured();
    refused.says = 'Inconclusive';
    await pass(refused.turn, 5_000);
    Object.assign(refused.turn.delivery, { request: requestOf('rollback@1') });
    await pass(refused.turn, 20_000);
    expect([state(refused), revision(refused)]).toEqual(['Held', '1']);
    expect(live(refused)).toEqual({ value: 'good' });
  });

  it('fails nothing because it can not be measured, and goes on by itself when it can', async () => {
    const all = await measured();
    all.says = 'Error';
    await pass(all.turn, 600_000);
    expect([state(all), revision(all)]).toEqual(['Paused', '1']);
    const { reason, stalled } = summarize(all.turn.delivery, all.turn.session);
    expect([reason, stalled]).toEqual(['AnalysisError', false]);
    // It is tried now and then, and no deadline has passed.
    expect(all.made.length).toBeLessThan(70);
    all.says = 'Successful';
    await pass(all.turn, 90_000);
    expect([state(all), revision(all)]).toEqual(['Synced', '2']);
  });

  it('is left where it was by a restart', async () => {
    const all = await measured();
    await pass(all.turn, 15_000);
    expect(all.made.length).toBe(2);
    const { stored } = all.turn;
    if (stored === undefined) throw new Error('nothing was stored');
    all.turn.session = newSession(stored);
    // Neither sooner than without it,
    await pass(all.turn, 2_000);
    expect(all.made.length).toBe(2);
    // nor later.
    await pass(all.turn, 18_000);
    expect([state(all), revision(all)]).toEqual(['Synced', '2']);
    expect(all.made.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  it('says nothing of a newer commit, that is measured for itself', async () => {
    const all = await measured();
    await pass(all.turn, 15_000);
    push(all.turn, '3', [map('newer')]);
    all.turn.session.pollAt = 0;
    await pass(all.turn, 40_000);
    expect([state(all), revision(all)]).toEqual(['Synced', '3']);
    expect(all.made.map(({ release, index }) => `${release}.${index}`)).toEqual(['2.0', '2.1', '3.0', '3.1', '3.2']);
  });

  it('stands still with a suspended Delivery, however long', async () => {
    const all = await measured({ count: undefined }, { bake: '35s' });
    await pass(all.turn, 5_000);
    all.says = 'Inconclusive';
    await pass(all.turn, 10_000);
    expect(state(all)).toBe('Paused');
    Object.assign(all.turn.delivery, { suspended: true });
    await pass(all.turn, 600_000);
    Object.assign(all.turn.delivery, { suspended: false });
    await pass(all.turn, 600_000);
    expect(state(all)).toBe('Paused');
    all.says = 'Successful';
    Object.assign(all.turn.delivery, { request: requestOf('resume@1') });
    const before = all.turn.now;
    for (let seconds = 0; seconds < 60 && state(all) !== 'Synced'; seconds += 1) await pass(all.turn, 1_000);
    const lasted = all.turn.now - before;
    // What is left of the 35 s is waited for, no more and no less.
    expect(lasted).toBeGreaterThan(15_000);
    expect(lasted).toBeLessThan(40_000);
  });
});
