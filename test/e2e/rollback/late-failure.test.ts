import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { numberAt, objectsAt, textAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { crashing, podsOf, podWith, setPodStatus } from '../support/pods.ts';
import { expectBack, held, holdMessage, picture } from '../support/rollback.ts';

const lockstep = useLockstep([
  'late-probation',
  'late-ended',
  'late-bake',
  'late-restart',
  'late-before',
  'late-pause',
]);

const state = async (app: App) => textAt(await app.status(), 'status', 'state');
const good = { 'web.yaml': deployment('web'), 'old.yaml': configMap('old', { a: '1' }) };

/** The kubelet tells that the containers of an image crash; they were ready until now. */
async function crash(app: App, image: string): Promise<void> {
  const pod = await podWith(lockstep.kube, app.namespace, image);
  const conditions = [{ type: 'Ready', status: 'False' }];
  await setPodStatus(lockstep.kube, pod, { containerStatuses: [crashing('main', image, 9)], conditions });
}

describeOnOwnCluster('a revision that fails late', () => {
  it('comes back from probation, although it was live already: nothing was deleted yet', async () => {
    const app = await lockstep.app('late-probation', good, { rollback: { probation: '60s' } });
    await until('the first one is in probation', async () => (await state(app)) === 'Probation');
    const first = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web'), app.ref('v1', 'ConfigMap', 'old')];
    const before = await picture(lockstep, refs);
    // A newer commit ends probation: what is live becomes good first.
    app.push({
      'web.yaml': deployment('web', { image: 'app:2' }),
      'old.yaml': null,
      'new.yaml': configMap('new', { a: '1' }),
    });
    await until('the second one is live', async () => {
      const status = await app.status();
      return (await state(app)) === 'Probation' && textAt(status, 'status', 'revision', 'target') === app.revision;
    });
    expect(textAt(await app.status(), 'status', 'revision', 'good')).toBe(first);
    expect(await app.get('v1', 'ConfigMap', 'old')).toBeDefined();
    await crash(app, 'app:2');
    expect(holdMessage(await held(app))).toContain('container main: CrashLoopBackOff: exit code 9 (Error), 3 restarts');
    await expectBack(lockstep, app, before, refs, first);
    expect(await app.get('v1', 'ConfigMap', 'new')).toBeUndefined();
  });

  it('stays when it was good already: that is no longer the fault of the commit', async () => {
    const app = await lockstep.app('late-ended', good);
    await app.ready();
    app.push({ 'web.yaml': deployment('web', { image: 'app:2' }) });
    await app.ready();
    await crash(app, 'app:2');
    await until('it is told', async () =>
      objectsAt(await app.status(), 'status', 'worst').some(({ health }) => health !== 'Healthy'),
    );
    await sleep(2_000);
    expect(await state(app)).toBe('Synced');
    expect(objectsAt(await app.status(), 'status', 'history').map(({ verdict }) => verdict)).toEqual(['Good', 'Good']);
  });

  it('is never announced while it bakes', async () => {
    const app = await lockstep.app('late-bake', good, { health: { bake: '4s' } });
    await app.ready(30_000);
    const since = Date.now();
    app.push({ 'web.yaml': deployment('web', { image: 'app:2' }) });
    await until('it bakes', async () => (await state(app)) === 'Baking');
    await sleep(1_000);
    await crash(app, 'app:2');
    await held(app);
    expect(
      (await app.events()).filter(({ reason, message }) => reason === 'Synced' && message.includes('release 2')),
    ).toEqual([]);
    app.push({ 'web.yaml': deployment('web', { image: 'app:3' }) });
    await app.ready(30_000);
    expect(Date.now() - since).toBeGreaterThan(5_000);
  });

  it('does so at the same deadline, however often the agent is started again', async () => {
    const app = await lockstep.app('late-restart', good, { health: { deadline: '12s' } });
    await app.ready();
    const since = Date.now();
    app.push({ 'web.yaml': deployment('web', { image: 'app:2', pod: { pod: 'never-ready' } }) });
    await until('it is verified', async () => (await state(app)) === 'Verifying');
    await sleep(2_000);
    for (let times = 0; times < 3; times += 1) {
      await lockstep.restart(times === 1 ? 'SIGKILL' : 'SIGTERM');
      await sleep(1_500);
    }
    expect(holdMessage(await held(app, 'RolledBack', 30_000))).toMatch(
      /^no progress in time: Deployment late-restart\/web/,
    );
    const history = objectsAt(await app.status(), 'status', 'history');
    const ended = Date.parse(String(history[0]?.['time']));
    expect(ended - since).toBeGreaterThan(12_000);
    expect(ended - since).toBeLessThan(17_000);
  });

  it('is not blamed for what was unwell before, and is not touched', async () => {
    const app = await lockstep.app('late-before', { ...good, 'sick.yaml': deployment('sick') });
    await app.ready();
    await crashAll(app, 'sick');
    app.push({ 'web.yaml': deployment('web', { image: 'app:2' }) });
    const status = await app.ready();
    expect(objectsAt(status, 'status', 'worst').map(({ name }) => name)).toEqual(['sick']);
    // A commit that touches it answers for it.
    app.push({ 'sick.yaml': deployment('sick', { image: 'app:missing' }) });
    await until('it is held', async () =>
      /^Deployment late-before\/sick: .*ErrImagePull/.test(holdMessage(await app.status())),
    );
  });

  /** Makes the only pod of a Deployment unready for good. */
  async function crashAll(app: App, name: string): Promise<void> {
    for (const pod of await podsOf(lockstep.kube, app.namespace, `app=${name}`))
      await setPodStatus(lockstep.kube, pod, { conditions: [{ type: 'Ready', status: 'False' }] });
    await until('it is told', async () =>
      objectsAt(await app.status(), 'status', 'worst').some((one) => one['name'] === name),
    );
  }

  it('stands still while it is suspended, its clocks too, and goes on where it was', async () => {
    const app = await lockstep.app('late-pause', good, { health: { deadline: '8s' } });
    await app.ready();
    app.push({ 'web.yaml': deployment('web', { image: 'app:2', pod: { pod: 'never-ready' } }), 'old.yaml': null });
    await until('it is verified', async () => (await state(app)) === 'Verifying');
    await app.request('suspend@1');
    await until('it is suspended', async () => (await state(app)) === 'Suspended');
    const since = Date.now();
    await lockstep.restart();
    // Longer than the deadline.
    await sleep(9_000);
    expect(await state(app)).toBe('Suspended');
    expect(app.writes(since)).toEqual([]);
    await app.request('resume@1');
    await until('it is verified again', async () => (await state(app)) === 'Verifying');
    await held(app, 'RolledBack', 30_000);
    expect(await app.get('v1', 'ConfigMap', 'old')).toBeDefined();
    expect(numberAt(await app.get('apps/v1', 'Deployment', 'web'), 'status', 'availableReplicas')).toBe(1);
  });
});
