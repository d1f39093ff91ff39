import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { lockstepBeside } from './support/cli.ts';
import { until } from './support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';
import { crashing, podWith, setPodStatus } from './support/pods.ts';
import { held } from './support/rollback.ts';

const lockstep = useLockstep([
  'hooks-order',
  'hooks-again',
  'hooks-helm',
  'hooks-policy',
  'hooks-failed',
  'hooks-slow',
  'hooks-ttl',
  'hooks-lost',
  'hooks-kill',
  'hooks-back',
  'hooks-delete',
  'hooks-typo',
  'hooks-phases',
  'hooks-generate',
]);

/** A Job as text. Its pod takes annotations such as `pod: fail`. */
function job(name: string, annotations: string, pod: Readonly<Record<string, string>> = {}, spec = ''): string {
  const play = JSON.stringify(
    Object.fromEntries(Object.entries(pod).map(([key, value]) => [`test.lockstep.dev/${key}`, value])),
  );
  const named = name.endsWith('-') ? `generateName: ${name}` : `name: ${name}`;
  return `apiVersion: batch/v1
kind: Job
metadata:
  ${named}
  annotations: {${annotations}}
spec:
  backoffLimit: 0
${spec}  template:
    metadata: {annotations: ${play}}
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "app:1"}]
`;
}

/** Creations of the agent, in order: those of hooks tell how often each ran. */
const created = (app: App, since: number): string[] =>
  app
    .writes(since)
    .filter((entry) => entry.status === 201)
    .map((entry) => entry.name ?? '');

describeOnOwnCluster('a hook', () => {
  it('runs before, with and after everything else, each wave and phase after the one before is done', async () => {
    const since = Date.now();
    const app = await lockstep.app('hooks-order', {
      'post.yaml': job('post', 'argocd.argoproj.io/hook: PostSync'),
      'sync.yaml': job('sync', 'argocd.argoproj.io/hook: Sync, lockstep.dev/wave: "1"'),
      'pre-b.yaml': job('pre-b', 'lockstep.dev/hook: PreSync, lockstep.dev/wave: "2"'),
      'pre-a.yaml': job('pre-a', 'lockstep.dev/hook: PreSync', { 'complete-after': '1s' }),
      'fail.yaml': job('on-failure', 'argocd.argoproj.io/hook: SyncFail'),
      'web.yaml': deployment('web'),
    });
    await app.ready(40_000);
    expect(created(app, since)).toEqual(['pre-a', 'pre-b', 'web', 'sync', 'post']);
    const times = new Map(app.writes(since).map((entry) => [entry.name, entry.time]));
    expect((times.get('pre-b') ?? 0) - (times.get('pre-a') ?? 0)).toBeGreaterThanOrEqual(950);
    expect(await app.get('batch/v1', 'Job', 'on-failure')).toBeUndefined();
  });

  it('runs once in each release, whatever happens to its object meanwhile, and never for drift', async () => {
    const since = Date.now();
    const app = await lockstep.app('hooks-again', {
      'pre.yaml': job('pre', 'lockstep.dev/hook: PreSync'),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await app.ready(40_000);
    await lockstep.kube.delete(app.ref('batch/v1', 'Job', 'pre'));
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { a: 'drift' } });
    await until('drift is healed', async () => textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'a') === '1');
    await sleep(500);
    expect(created(app, since)).toEqual(['pre', 'a']);
    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    await app.ready(40_000);
    app.push({ 'a.yaml': configMap('a', { a: '3' }) });
    await app.ready(40_000);
    expect(created(app, since)).toEqual(['pre', 'a', 'pre', 'pre']);
    expect(condition(await app.status(), 'Healthy')?.status).toBe('True');
  });

  it("of a Helm chart runs by Helm's rules: install once, upgrade afterwards, tests never", async () => {
    const since = Date.now();
    const app = await lockstep.app('hooks-helm', {
      'install.yaml': job('install', 'helm.sh/hook: pre-install, helm.sh/hook-weight: "5"'),
      'account.yaml':
        'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: hook-account, annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-weight: "-5", helm.sh/hook-delete-policy: before-hook-creation}}\n',
      'upgrade.yaml': job('upgrade', 'helm.sh/hook: pre-upgrade'),
      'test.yaml': job('test', 'helm.sh/hook: test'),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await app.ready(40_000);
    expect(created(app, since)).toEqual(['hook-account', 'install', 'a']);
    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    await app.ready(40_000);
    expect(created(app, since)).toEqual(['hook-account', 'install', 'a', 'hook-account', 'upgrade']);
    expect(await app.get('batch/v1', 'Job', 'install')).toBeDefined();
  });

  it('is deleted as its policy says, by any of the three names', async () => {
    const app = await lockstep.app('hooks-policy', {
      'a.yaml': job('mine', 'lockstep.dev/hook: PreSync, lockstep.dev/hook-delete-policy: HookSucceeded'),
      'b.yaml': job('argos', 'argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded'),
      'c.yaml': job(
        'helms',
        'helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-delete-policy: "before-hook-creation,hook-succeeded"',
      ),
      'd.yaml': job('kept', 'lockstep.dev/hook: PreSync, lockstep.dev/hook-delete-policy: HookFailed'),
      'e.yaml': configMap('a', { a: '1' }),
    });
    await app.ready(40_000);
    for (const name of ['mine', 'argos', 'helms'])
      await until(`${name} is deleted`, async () => (await app.get('batch/v1', 'Job', name)) === undefined);
    expect(await app.get('batch/v1', 'Job', 'kept')).toBeDefined();
    // What left Git goes like everything else.
    app.push({ 'd.yaml': null, 'e.yaml': configMap('a', { a: '2' }) });
    await app.ready(40_000);
    await until(
      'the hook that left Git is pruned',
      async () => (await app.get('batch/v1', 'Job', 'kept')) === undefined,
    );
  });

  it('that fails fails the release: nothing after it is touched, SyncFail runs, and its log is told', async () => {
    const app = await lockstep.app('hooks-failed', {
      'clean.yaml': job('clean', 'lockstep.dev/hook: SyncFail'),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await app.ready(40_000);
    const since = Date.now();
    app.push({
      'pre.yaml': job('pre', 'lockstep.dev/hook: PreSync', { pod: 'fail', 'exit-code': '3' }),
      'a.yaml': configMap('a', { a: '2' }),
    });
    const status = await held(app);
    expect(condition(status, 'Ready')?.message).toContain('Job hooks-failed/pre: BackoffLimitExceeded');
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'a')).toBe('1');
    const names = created(app, since);
    expect(names).toEqual(['pre', 'clean']);
    expect(condition(status, 'Healthy')?.status).toBe('True');
    const told = await lockstepBeside(['logs', 'app', '-n', 'hooks-failed', '--kubeconfig', inject('kubeconfig')]);
    expect(told.stdout).toContain('hooks-failed/pre');
    // The same content again is not run again: it is held.
    app.push({ 'README.md': 'nothing new\n' });
    await sleep(2_500);
    expect(created(app, since)).toEqual(['pre', 'clean']);
  });

  it('whose container ends again and again has not failed: how often it may is its own business (26)', async () => {
    const app = await lockstep.app(
      'hooks-slow',
      {
        'slow.yaml': job('slow', 'lockstep.dev/hook: PreSync', { pod: 'nothing-happens' }),
        'a.yaml': configMap('a', { a: '1' }),
      },
      { health: { signals: { crashLoop: 'at-once' } } },
    );
    const pod = await podWith(lockstep.kube, app.namespace, 'app:1');
    await setPodStatus(lockstep.kube, pod, { phase: 'Running', containerStatuses: [crashing('main', 'app:1', 1)] });
    await sleep(2_000);
    expect(textAt(await app.status(), 'status', 'state')).toBe('Verifying');
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
    await setPodStatus(lockstep.kube, pod, { phase: 'Succeeded' });
    await app.ready(30_000);
  });

  it('with a time to live is seen to end although the agent was away, and only then is it let go', async () => {
    const lives = '  ttlSecondsAfterFinished: 0\n';
    const since = Date.now();
    const app = await lockstep.app('hooks-ttl', {
      'pre.yaml': job('pre', 'lockstep.dev/hook: PreSync', { 'complete-after': '1500ms' }, lives),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await until('it runs', () => app.get('batch/v1', 'Job', 'pre'));
    await lockstep.restart('SIGKILL', () => sleep(3_000));
    await app.ready(40_000);
    await until('its time to live takes it away', async () => (await app.get('batch/v1', 'Job', 'pre')) === undefined);
    expect(created(app, since)).toEqual(['pre', 'a']);
  });

  it('that is deleted while it runs has failed, and is not begun again', async () => {
    const since = Date.now();
    const app = await lockstep.app('hooks-lost', {
      'pre.yaml': job('pre', 'lockstep.dev/hook: PreSync', { 'complete-after': '60s' }),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await until('it runs', () => app.get('batch/v1', 'Job', 'pre'));
    await lockstep.kube.delete(app.ref('batch/v1', 'Job', 'pre'));
    expect(await app.refused('ReleaseFailed', 30_000)).toContain('Job hooks-lost/pre: was deleted before it was done');
    expect(created(app, since)).toEqual(['pre']);
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
  });

  it('is found again by its stamp when the agent dies right after it was made', async () => {
    await lockstep.restart('SIGTERM', undefined, { LOCKSTEP_FAIL_AT: 'apply-answered' });
    const since = Date.now();
    const app = await lockstep.app('hooks-kill', {
      'pre.yaml': job('pre', 'lockstep.dev/hook: PreSync'),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await lockstep.agent.gone;
    await lockstep.restart('SIGKILL');
    await app.ready(40_000);
    expect(created(app, since)).toEqual(['pre', 'a']);
  });

  it('runs on the way back, and one that fails there is told and stops nothing', async () => {
    const app = await lockstep.app('hooks-back', {
      'before.yaml': job('before', 'lockstep.dev/hook: PreRollback'),
      'after.yaml': job('after', 'helm.sh/hook: post-rollback', { pod: 'fail' }),
      'web.yaml': deployment('web'),
    });
    await app.ready(40_000);
    const since = Date.now();
    app.push({ 'web.yaml': deployment('web', { image: 'app:missing' }) });
    const status = await held(app);
    expect(created(app, since)).toEqual(['before', 'after']);
    const writes = app.writes(since).map((entry) => entry.name);
    expect(writes.indexOf('before')).toBeLessThan(writes.lastIndexOf('web'));
    expect(writes.lastIndexOf('web')).toBeLessThan(writes.indexOf('after'));
    expect(JSON.stringify(status['status'])).toContain('PostRollback: Job hooks-back/after: BackoffLimitExceeded');
    expect((await app.events()).map(({ reason }) => reason)).toContain('HookFailed');
  });

  it('runs before and after everything is deleted', async () => {
    const app = await lockstep.app('hooks-delete', {
      'before.yaml': job('before', 'argocd.argoproj.io/hook: PreDelete'),
      'after.yaml': job('after', 'helm.sh/hook: post-delete'),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await app.ready(40_000);
    const since = Date.now();
    await app.remove(40_000);
    const what = app
      .writes(since)
      .filter(({ verb, status }) => verb === 'delete' || status === 201)
      .map(({ verb, name }) => `${verb === 'delete' ? 'delete' : 'create'} ${name}`);
    expect([...new Set(what)]).toEqual([
      'create before',
      expect.stringMatching(/^delete (a|before)$/),
      expect.stringMatching(/^delete (a|before)$/),
      'create after',
      'delete after',
    ]);
  });

  it('with a misspelt annotation is refused by name: it is neither run nor applied', async () => {
    const app = await lockstep.app('hooks-typo', {
      'pre.yaml': job('pre', 'argocd.argoproj.io/hook: Presync'),
      'b.yaml': job('post', 'lockstep.dev/hook: PostSync, argocd.argoproj.io/hook-delete-policy: HookSucceded'),
    });
    const message = await app.refused('InvalidManifests');
    expect(message).toContain('argocd.argoproj.io/hook: "Presync" is no phase; there are PreSync, Sync, PostSync');
    expect(message).toContain('argocd.argoproj.io/hook-delete-policy: "HookSucceded" is no delete policy');
    expect(await app.get('batch/v1', 'Job', 'pre')).toBeUndefined();
  });

  it('of two phases runs in both, under a name of its own in the second', async () => {
    const since = Date.now();
    const app = await lockstep.app('hooks-phases', {
      'both.yaml': job('both', 'argocd.argoproj.io/hook: "PreSync,PostSync"'),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await app.ready(40_000);
    expect(created(app, since)).toEqual(['both', 'a', 'both-postsync']);
  });

  it('without a name gets one that stays the same', async () => {
    const since = Date.now();
    const app = await lockstep.app('hooks-generate', {
      'pre.yaml': job('pre-', 'argocd.argoproj.io/hook: PreSync'),
      'a.yaml': configMap('a', { a: '1' }),
    });
    await app.ready(40_000);
    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    await app.ready(40_000);
    const names = created(app, since).filter((name) => name.startsWith('pre-'));
    expect(names).toHaveLength(2);
    expect(new Set(names).size).toBe(1);
    const { body } = await lockstep.kube.http.request({
      method: 'GET',
      path: '/apis/batch/v1/namespaces/hooks-generate/jobs',
    });
    expect(objectsAt(body, 'items')).toHaveLength(1);
    // Only hooks may.
    app.push({ 'b.yaml': job('plain-', '') });
    expect(await app.refused('InvalidManifests')).toContain('only hooks may have a generateName');
  });
});
