import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { numberAt, objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { until } from './support/kube.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['waves-order', 'waves-broken', 'waves-prune', 'waves-last', 'waves-job', 'waves-late']);

describeOnOwnCluster('waves', () => {
  it('sends nothing of a wave before the one before is healthy', async () => {
    const since = Date.now();
    const app = await lockstep.app('waves-order', {
      'a.yaml': deployment('first', { wave: -1, pod: { 'ready-after': '1s' } }),
      'b.yaml': deployment('second', { wave: 0, pod: { 'ready-after': '1s' } }),
      'c.yaml': configMap('third', { a: '1' }, '  annotations: {argocd.argoproj.io/sync-wave: "5"}\n'),
    });
    await app.ready();
    const times = new Map(app.writes(since).map((entry) => [entry.name, entry.time]));
    expect((times.get('second') ?? 0) - (times.get('first') ?? 0)).toBeGreaterThanOrEqual(950);
    expect((times.get('third') ?? 0) - (times.get('second') ?? 0)).toBeGreaterThanOrEqual(950);
  });

  it('never starts the wave after a broken one, and says what is waited for, and then what is wrong', async () => {
    const since = Date.now();
    const app = await lockstep.app('waves-broken', {
      'a.yaml': deployment('broken', { image: 'app:missing' }),
      'b.yaml': configMap('after', { a: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
    });
    expect(await app.refused('Progressing')).toContain('Deployment waves-broken/broken: 0 of 1 replicas are available');
    const cause = 'container main: ErrImagePull: failed to pull and unpack image "app:missing": not found';
    expect(await app.refused('ReleaseFailed')).toContain(cause);
    expect(app.writes(since).map((entry) => entry.name)).not.toContain('after');
    expect(await app.get('v1', 'ConfigMap', 'after')).toBeUndefined();
    const events = await app.events();
    expect(events.map((event) => event.message).join('\n')).toContain('waiting for Deployment waves-broken/broken');
    // A newer commit does not wait for the broken one.
    const broken = app.revision;
    app.push({ 'a.yaml': deployment('broken', { image: 'app:2' }) }, 'repaired');
    const ready = await app.ready();
    expect(await app.get('v1', 'ConfigMap', 'after')).toBeDefined();
    expect(objectsAt(ready, 'status', 'history')).toMatchObject([
      { sequence: 2, revision: app.revision, subject: 'repaired', author: 'Ada', verdict: 'Good' },
      { sequence: 1, revision: broken, verdict: 'Degraded' },
    ]);
  });

  it('prunes only when everything new is healthy, in reverse waves', async () => {
    const app = await lockstep.app('waves-prune', {
      'old-a.yaml': configMap('old-a', { a: '1' }),
      'old-b.yaml': configMap('old-b', { a: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
      'kept.yaml': configMap('kept', { a: '1' }),
      'protected.yaml': configMap(
        'protected',
        { a: '1' },
        '  annotations: {argocd.argoproj.io/sync-options: Prune=false}\n',
      ),
    });
    await app.ready();
    const since = Date.now();
    app.push({
      'old-a.yaml': null,
      'old-b.yaml': null,
      'protected.yaml': null,
      'new.yaml': deployment('new', { pod: { 'ready-after': '1s' } }),
    });
    await app.ready();
    const log = app.writes(since);
    expect(log.filter((entry) => entry.verb === 'delete').map((entry) => entry.name)).toEqual(['old-b', 'old-a']);
    const applied = log.find((entry) => entry.name === 'new')?.time ?? 0;
    expect((log.find((entry) => entry.verb === 'delete')?.time ?? 0) - applied).toBeGreaterThanOrEqual(950);
    expect(await app.get('v1', 'ConfigMap', 'protected')).toBeDefined();
    expect(await app.get('v1', 'ConfigMap', 'kept')).toBeDefined();
  });

  it('gates the last wave too: Ready means available', async () => {
    const app = await lockstep.app('waves-last', {
      'a.yaml': deployment('slow', { replicas: 2, pod: { 'ready-after': '1500ms' } }),
    });
    const ready = await app.ready();
    const live = await app.get('apps/v1', 'Deployment', 'slow');
    expect(numberAt(live, 'status', 'availableReplicas')).toBe(2);
    expect(textAt(ready, 'status', 'state')).toBe('Synced');
    await until('it is told as healthy', async () => numberAt(await app.status(), 'status', 'health', 'Healthy') === 1);
  });

  it('stops at a Job that failed, also when its time to live takes it away, until there is a reason to try again', async () => {
    const since = Date.now();
    const job = `apiVersion: batch/v1
kind: Job
metadata: {name: migration, annotations: {lockstep.dev/wave: "-1"}}
spec:
  backoffLimit: 0
  ttlSecondsAfterFinished: 1
  template:
    metadata: {annotations: {test.lockstep.dev/pod: fail}}
    spec: {restartPolicy: Never, containers: [{name: main, image: "app:1"}]}
`;
    const app = await lockstep.app('waves-job', { 'a.yaml': job, 'b.yaml': configMap('after', { a: '1' }) });
    await until('it failed', async () => {
      const live = await app.get('batch/v1', 'Job', 'migration');
      return live !== undefined && condition(live, 'Failed') !== undefined;
    });
    await sleep(4_000);
    expect(app.writes(since).map((entry) => entry.name)).toEqual(['migration']);
    expect(await app.refused('ReleaseFailed', 30_000)).toContain('Job waves-job/migration: BackoffLimitExceeded');
    // A later commit and a person are reasons to try it again.
    const runs = () => app.writes(since).filter((entry) => entry.name === 'migration').length;
    app.push({ 'b.yaml': configMap('after', { a: '2' }) });
    await until('it is run by the next release', async () => runs() === 2);
    await until('it has failed and gone', async () => (await app.get('batch/v1', 'Job', 'migration')) === undefined);
    await sleep(1_000);
    expect(runs()).toBe(2);
    await app.request('retry@again');
    await until('it is run by request', async () => runs() === 3);
    app.push({ 'a.yaml': job.replace('test.lockstep.dev/pod: fail', 'repaired: "yes"') });
    await app.ready(30_000);
    expect(await app.get('v1', 'ConfigMap', 'after')).toMatchObject({ data: { a: '2' } });
  });

  it('says when a wave makes no progress within its deadline', async () => {
    const app = await lockstep.app(
      'waves-late',
      { 'a.yaml': deployment('never', { pod: { pod: 'never-ready' } }) },
      { health: { deadline: '2s' } },
    );
    expect(await app.refused('ReleaseFailed', 30_000)).toContain(
      'no progress in time: Deployment waves-late/never: 0 of 1 replicas are available',
    );
  });
});
