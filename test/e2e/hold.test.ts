import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { at, objectsAt, textAt } from '../../diff/json.ts';
import { lockstepCommand } from './support/cli.ts';
import { until } from './support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';
import { held, holdMessage } from './support/rollback.ts';

const lockstep = useLockstep([
  'hold-heal',
  'hold-revert',
  'hold-retry',
  'hold-accept',
  'hold-back',
  'hold-suspend',
  'hold-logs',
]);

const color = async (app: App) => textAt(await app.get('v1', 'ConfigMap', 'settings'), 'data', 'color');
const state = async (app: App) => textAt(await app.status(), 'status', 'state');
const good = { 'web.yaml': deployment('web'), 'settings.yaml': configMap('settings', { color: 'blue' }) };
const bad = {
  'web.yaml': deployment('web', { image: 'app:missing' }),
  'settings.yaml': configMap('settings', { color: 'red' }),
};

/** Runs a command about the Delivery of an app. */
const run = (app: App, ...args: string[]) =>
  lockstepCommand([...args, '-n', app.namespace, '--kubeconfig', inject('kubeconfig')]);

describeOnOwnCluster('a bad revision', () => {
  it('is held while drift is healed against good, and a commit that changes nothing passes by', async () => {
    const app = await lockstep.app('hold-heal', good);
    await app.ready();
    const revision = app.revision;
    app.push(bad);
    await held(app);
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'settings'), { data: { color: 'green' } });
    await until('drift is healed to good', async () => (await color(app)) === 'blue');
    const since = Date.now();
    const failed = app.revision;
    app.push({ 'README.md': 'no manifest at all' });
    const status = await held(app, 'Held');
    expect(textAt(status, 'status', 'revision', 'target')).toBe(revision);
    const ready = objectsAt(status, 'status', 'conditions').find(({ type }) => type === 'Ready');
    expect(ready?.['message']).toContain(`has the content of ${failed.slice(0, 12)}`);
    expect(ready?.['message']).toContain('request retry');
    expect(app.writes(since)).toEqual([]);
  });

  it('is let go by a revert, without an apply; a revert of the revert stays held', async () => {
    const app = await lockstep.app('hold-revert', good);
    await app.ready();
    app.push(bad);
    await held(app);
    const since = Date.now();
    app.push(good, 'revert');
    const ready = await app.ready();
    expect(textAt(ready, 'status', 'revision', 'good')).toBe(app.revision);
    expect(at(ready, 'status', 'hold')).toBeUndefined();
    app.push(bad, 'revert the revert');
    expect(holdMessage(await held(app, 'Held'))).toContain('ErrImagePull');
    expect(app.writes(since)).toEqual([]);
  });

  it('is tried once more by retry, and fails once more', async () => {
    const app = await lockstep.app('hold-retry', good);
    await app.ready();
    app.push(bad);
    await held(app);
    expect(run(app, 'retry', 'app')).toMatchObject({ code: 0 });
    await until('it is tried', async () => at(await app.status(), 'status', 'sequence') === 3);
    const status = await held(app);
    expect(objectsAt(status, 'status', 'history').map(({ verdict }) => verdict)).toEqual([
      'RolledBack',
      'RolledBack',
      'Good',
    ]);
    expect(await color(app)).toBe('blue');
    // Nothing is held after a fix, so there is nothing to retry.
    app.push({ ...bad, 'web.yaml': deployment('web', { image: 'app:2' }) });
    await app.ready();
    expect(run(app, 'retry', 'app')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing is held back'),
    });
  });

  it('goes live when a person accepts it by name; the check that it failed does not count', async () => {
    const app = await lockstep.app('hold-accept', good);
    await app.ready();
    app.push(bad);
    await held(app);
    await app.request('accept@1');
    await until('it is refused', async () =>
      /needs a name/.test(textAt(await app.status(), 'status', 'requestRefused') ?? ''),
    );
    expect(run(app, 'accept', 'app')).toMatchObject({ code: 0 });
    await until('it is good', async () => textAt(await app.status(), 'status', 'revision', 'good') === app.revision);
    expect(await color(app)).toBe('red');
    expect(at(await app.status(), 'status', 'requestRefused')).toBeUndefined();
    // That was said of this content, and of no other.
    app.push({ 'web.yaml': deployment('web', { image: 'other:missing' }) });
    await held(app);
    expect(await color(app)).toBe('red');
  });

  it('and a good one: a person goes back to a recorded release, which is good once verified', async () => {
    const app = await lockstep.app('hold-back', good);
    await app.ready();
    const first = app.revision;
    app.push({
      'settings.yaml': configMap('settings', { color: 'green' }),
      'more.yaml': configMap('more', { a: '1' }),
    });
    await app.ready();
    expect(run(app, 'rollback', 'app', 'ffffffffff')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('recorded are 2'),
    });
    expect(run(app, 'rollback', 'app', first.slice(0, 10)).code).toBe(0);
    const status = await held(app);
    expect(await color(app)).toBe('blue');
    expect(await app.get('v1', 'ConfigMap', 'more')).toBeUndefined();
    expect(textAt(status, 'status', 'revision', 'good')).toBe(first);
    expect(holdMessage(status)).toMatch(/asked for a rollback$/);
    // The way forward is a new commit, or a retry.
    expect(run(app, 'retry', 'app').code).toBe(0);
    await app.ready();
    expect(await color(app)).toBe('green');
  });

  it('or any other: everything stands still while it is suspended by request', async () => {
    const app = await lockstep.app('hold-suspend', good);
    await app.ready();
    expect(run(app, 'suspend', 'app').code).toBe(0);
    await until('it is suspended', async () => (await state(app)) === 'Suspended');
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'settings'), { data: { color: 'green' } });
    app.push({ 'more.yaml': configMap('more', { a: '1' }) });
    await lockstep.restart();
    const since = Date.now();
    await until('a turn was had', async () => /hold-suspend\/app.*"a turn ended"/.test(lockstep.agent.output()));
    await sleep(2_500);
    expect(app.writes(since)).toEqual([]);
    expect(await color(app)).toBe('green');
    expect(await app.get('v1', 'ConfigMap', 'more')).toBeUndefined();
    expect(run(app, 'resume', 'app').code).toBe(0);
    await app.ready();
    expect(await color(app)).toBe('blue');
    expect(await app.get('v1', 'ConfigMap', 'more')).toBeDefined();
  });

  it('is told by history, history show and logs', async () => {
    const app = await lockstep.app('hold-logs', good);
    await app.ready();
    app.push({ ...bad, 'web.yaml': deployment('web', { pod: { pod: 'crash-loop' } }) }, 'it crashes');
    await held(app);
    const list = run(app, 'history', 'app');
    expect(list.stdout).toMatch(
      /^RELEASE +REVISION +VERDICT.*\n2 +[0-9a-f]{12} +RolledBack .*CrashLoopBackOff.*\n1 +[0-9a-f]{12} +Good /,
    );
    const shown = run(app, 'history', 'show', 'app', '2').stdout;
    expect(shown).toContain('verdict   RolledBack');
    expect(shown).toContain('update ConfigMap hold-logs/settings: data.color: blue → red');
    const first = JSON.parse(run(app, 'history', 'show', 'app', '1', '-o', 'json').stdout);
    expect(first.objects.map(({ answer }: { answer: { kind: string } }) => answer.kind).sort()).toEqual([
      'ConfigMap',
      'Deployment',
    ]);
    const logs = run(app, 'logs', 'app');
    expect(logs).toMatchObject({ code: 0, stderr: '' });
    expect(logs.stdout).toMatch(/^==> hold-logs\/web-\S+, container main <==\n.*listening on :5000/s);
  });
});
