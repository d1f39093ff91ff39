import { expect, inject, it } from 'vitest';
import { objectsAt, textAt } from '../../diff/json.ts';
import { lockstepBeside } from './support/cli.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';
import { expectBack, held, picture } from './support/rollback.ts';

const lockstep = useLockstep(['restarts', 'restarts-off', 'restarts-back']);

/** A Deployment that takes its settings from a ConfigMap and a Secret. */
const web = deployment('web').replace(
  '          ports:',
  '          envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: login}}]\n          ports:',
);
const secret = (password: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: ${password}}\n`;
const files = (color: string, password = 'hunter2-canary') => ({
  'web.yaml': web,
  'settings.yaml': configMap('settings', { color }),
  'login.yaml': secret(password),
});
const on = { sync: { restartOnConfigChange: true } };

async function hashOf(app: App): Promise<string | undefined> {
  const live = await app.get('apps/v1', 'Deployment', 'web');
  return textAt(live, 'spec', 'template', 'metadata', 'annotations', 'lockstep.dev/config-hash');
}

async function replicaSets(app: App): Promise<number> {
  const path = `/apis/apps/v1/namespaces/${app.namespace}/replicasets`;
  return objectsAt((await lockstep.kube.http.request({ method: 'GET', path })).body, 'items').length;
}

describeOnOwnCluster('with spec.sync.restartOnConfigChange', () => {
  it('pods restart when a ConfigMap or Secret of theirs changes, and only then', async () => {
    const app = await lockstep.app('restarts', files('red'), on);
    await app.ready();
    const first = await hashOf(app);
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    app.push(files('blue'));
    await app.ready();
    const second = await hashOf(app);
    expect([second === first, await replicaSets(app)]).toEqual([false, 2]);
    app.push(files('blue', 'another-canary'));
    await app.ready();
    expect([(await hashOf(app)) === second, await replicaSets(app)]).toEqual([false, 3]);
    app.push({ 'other.yaml': configMap('other', { a: '1' }) });
    await app.ready();
    expect(await replicaSets(app)).toBe(3);
    // Another agent makes the same fingerprint.
    await lockstep.restart();
    app.push({ 'other.yaml': configMap('other', { a: '2' }) });
    await app.ready();
    expect(await replicaSets(app)).toBe(3);
    // And so does a command, for who may read the key.
    const plan = await lockstepBeside(['plan', 'app', '-n', app.namespace, '--kubeconfig', inject('kubeconfig')]);
    expect(plan).toMatchObject({ code: 0, stderr: '' });
  });

  it('off, they do not, and turning it on rolls them once', async () => {
    const app = await lockstep.app('restarts-off', files('red'));
    await app.ready();
    app.push(files('blue'));
    await app.ready();
    expect([await hashOf(app), await replicaSets(app)]).toEqual([undefined, 1]);
    await lockstep.kube.edit(app.delivery, { spec: on });
    app.push({ 'other.yaml': configMap('other', { a: '1' }) });
    await app.ready();
    expect(await replicaSets(app)).toBe(2);
  });

  it('a rollback restarts them with what they had', async () => {
    const app = await lockstep.app('restarts-back', files('red'), on);
    await app.ready();
    const good = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web'), app.ref('v1', 'ConfigMap', 'settings')];
    const before = await picture(lockstep, refs);
    app.push({ ...files('blue'), 'web.yaml': web.replace('app:1', 'app:missing') });
    await held(app);
    await expectBack(lockstep, app, before, refs, good);
  });
});
