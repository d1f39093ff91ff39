import { describe, expect, it } from 'vitest';
import { reconcile } from '../../../../sync/reconcile.ts';
import type { KubeObject } from '../../../../sync/types.ts';
import { file } from '../support/objects.ts';
import { type FakeTurn, makeTurn } from '../support/turn.ts';
import { push, tellAll } from './agent.ts';

const kinds = ['Deployment', 'StatefulSet'].map((kind) => ({
  apiVersion: 'apps/v1',
  kind,
  plural: `${kind.toLowerCase()}s`,
  namespaced: true,
}));
const workload = (name: string, image: string, more = '') =>
  file(
    `${name}.yaml`,
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec: {replicas: 2, selector: {matchLabels: {app: ${name}}}, template: {spec: {containers: [{name: main, image: ${image}}]}}${more}}\n`,
  );

const well = { observedGeneration: 9, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
const short = { ...well, readyReplicas: 1, availableReplicas: 1 };
const ready = { ...well, availableReplicas: 0 };
const broken = {
  ...short,
  conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'too slow' }],
};

let version = 100;

/** A Delivery of two workloads whose health the test tells, and whose clock it moves. */
function start(health: { deadline?: string } = {}) {
  const turn = makeTurn({ kinds, spec: { health: { steady: '10s', ...health } } });
  const look = async (seconds = 0): Promise<void> => {
    turn.now += seconds * 1_000;
    turn.session.generation = turn.delivery.generation;
    await reconcile(turn);
  };
  return { turn, look };
}

/** What its controller says of a workload. */
function say(turn: FakeTurn, name: string, status: object): void {
  const live = turn.objects.get(`Deployment ${name}`);
  if (live === undefined) throw new Error(`${name} is not there`);
  version += 1;
  const metadata = { ...live.metadata, generation: 9, resourceVersion: String(version) };
  const object = { ...live, metadata, status } as KubeObject;
  turn.objects.set(`Deployment ${name}`, object);
  turn.tell({ type: 'changed', object });
}

const stateOf = ({ session }: FakeTurn): string => session.record.standing.state;
/** Whether the release that was pushed last has passed: it is watched for a while yet, and then all is done. */
const hasPassed = (turn: FakeTurn): boolean => /^(?:Probation|Pruning|Synced)$/.test(stateOf(turn));
const cause = ({ session }: FakeTurn) => session.record.standing.cause ?? session.record.standing.held[0]?.cause;

/** Both workloads of a release are applied, watched and as told. */
async function release(
  { turn, look }: ReturnType<typeof start>,
  revision: string,
  images: { web: string; api: string },
  status: { web: object; api: object },
  more = '',
): Promise<void> {
  push(turn, revision, [workload('web', images.web, more), workload('api', images.api, more)]);
  turn.session.pollAt = 0;
  await look();
  tellAll(turn);
  await look(1);
  for (const name of ['web', 'api'] as const) if (turn.objects.has(`Deployment ${name}`)) say(turn, name, status[name]);
  await look(1);
}

async function good(app: ReturnType<typeof start>, status: { web: object; api: object }): Promise<void> {
  await release(app, '1', { web: 'a:1', api: 'b:1' }, { web: well, api: well });
  await app.look(11);
  await app.look(120);
  expect(stateOf(app.turn)).toBe('Synced');
  say(app.turn, 'web', status.web);
  say(app.turn, 'api', status.api);
  await app.look(1);
}

describe('a release is good', () => {
  it('once everything was healthy for the whole window: what flaps begins it anew', async () => {
    const app = start();
    const { turn, look } = app;
    await release(app, '1', { web: 'a:1', api: 'b:1' }, { web: well, api: well });
    await look(6);
    say(turn, 'api', short);
    await look(1);
    say(turn, 'api', well);
    await look(1);
    // Eight seconds since it was well for the first time, and two more: but not in one piece.
    await look(4);
    expect(hasPassed(turn)).toBe(false);
    await look(5);
    expect(hasPassed(turn)).toBe(false);
    await look(2);
    expect(hasPassed(turn)).toBe(true);
  });

  it('only once replicas were ready for minReadySeconds', async () => {
    const app = start();
    const { turn, look } = app;
    await release(app, '1', { web: 'a:1', api: 'b:1' }, { web: ready, api: well }, ', minReadySeconds: 30');
    await look(20);
    expect(hasPassed(turn)).toBe(false);
    expect(turn.session.waiting.join()).toContain('Deployment shop/web: 0 of 2 replicas are available');
    say(turn, 'web', well);
    await look(1);
    await look(11);
    expect(hasPassed(turn)).toBe(true);
  });

  it('although something was degraded before that it does not touch', async () => {
    const app = start();
    await good(app, { web: well, api: broken });
    await release(app, '2', { web: 'a:2', api: 'b:1' }, { web: well, api: broken });
    await app.look(60);
    await app.look(1);
    expect(hasPassed(app.turn)).toBe(true);
    expect(app.turn.session.record.standing.target?.sequence).toBe(2);
  });
});

describe('a release fails', () => {
  it('by what was healthy before and is not any more, although it does not touch it', async () => {
    const app = start();
    const { turn, look } = app;
    await good(app, { web: well, api: well });
    await release(app, '2', { web: 'a:2', api: 'b:1' }, { web: well, api: well });
    say(turn, 'api', broken);
    await look(1);
    // It has to last.
    await look(10);
    expect(stateOf(turn)).not.toMatch(/Rolling|Held/);
    await look(6);
    expect(cause(turn)).toMatchObject({
      reason: 'ProgressDeadlineExceeded',
      message: expect.stringContaining('Deployment shop/api: ProgressDeadlineExceeded: too slow'),
    });
  });

  it('by what was degraded before and is touched: the change did not mend it', async () => {
    const app = start();
    const { turn, look } = app;
    await good(app, { web: well, api: broken });
    await release(app, '2', { web: 'a:1', api: 'b:2' }, { web: well, api: broken });
    await look(16);
    expect(cause(turn)).toMatchObject({
      reason: 'ProgressDeadlineExceeded',
    });
  });
});

describe('a release whose cluster falls silent in the middle of a turn', () => {
  it('does not fail by its deadline: nobody knows how it is', async () => {
    const app = start({ deadline: '5s' });
    const { turn, look } = app;
    await good(app, { web: well, api: well });
    await release(app, '2', { web: 'a:2', api: 'b:1' }, { web: short, api: well });
    turn.world.isSilent = () => true;
    await look(30);
    expect(stateOf(turn)).toBe('Verifying');
    expect(turn.session.waiting).toContain('an answer of the cluster');
    turn.world.isSilent = () => false;
    await look(1);
    expect(cause(turn)).toMatchObject({ reason: 'ProgressDeadlineExceeded' });
  });
});
