import { expect, inject, it } from 'vitest';
import { at, objectsAt, textAt } from '../../diff/json.ts';
import { lockstepCommand } from './support/cli.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';
import { held } from './support/rollback.ts';

const lockstep = useLockstep(['record-broken', 'record-lost', 'record-rule', 'record-masked']);

const run = (app: App, ...args: string[]) =>
  lockstepCommand([...args, '-n', app.namespace, '--kubeconfig', inject('kubeconfig')]);

/** The Secret that an app's record begins in. */
const recordOf = async (app: App) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  namespace: 'lockstep-system',
  name: `lockstep-${(await app.status()).metadata.uid}`,
});

/** Lets a user do something in a namespace. */
async function allow(namespace: string, user: string, rule: object): Promise<void> {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { name: user, namespace };
  await lockstep.kube.apply({ apiVersion, kind: 'Role', metadata, rules: [rule as never] });
  await lockstep.kube.apply({
    apiVersion,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: user },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  });
}

const files = { 'a.yaml': configMap('a', { of: 'good' }), 'b.yaml': configMap('b', { of: 'good' }) };

describeOnOwnCluster('the record of a Delivery', () => {
  it.each([
    [
      'record-broken',
      'was changed by somebody',
      async (app: App) => {
        const delta = Buffer.from('something else').toString('base64');
        await lockstep.kube.edit(await recordOf(app), { data: { delta } });
      },
      'RecordUnusable',
    ],
    ['record-lost', 'is gone', async (app: App) => lockstep.kube.delete(await recordOf(app)), undefined],
  ])(
    '%s: when it %s, nothing is deleted, and the release goes on from what is there',
    async (namespace, _what, harm, reason) => {
      const app = await lockstep.app(namespace, files);
      await app.ready();
      let since = 0;
      await lockstep.restart('SIGTERM', async () => {
        await harm(app);
        // While nobody looked, an object left Git: without its record nobody knows that it was ours to delete.
        app.push({ 'b.yaml': null, 'a.yaml': configMap('a', { of: 'better' }) });
        since = Date.now();
      });
      const status = await app.ready(30_000);
      expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'of')).toBe('better');
      expect(await app.get('v1', 'ConfigMap', 'b')).toBeDefined();
      expect(app.writes(since).filter(({ verb }) => verb === 'delete')).toEqual([]);
      if (reason !== undefined) {
        const told = (await app.events()).find((event) => event.reason === reason);
        expect(told?.message).toMatch(/can't be used: its seal does not fit.*; nothing is deleted because of it/);
      }
      // Numbers go on, so that no stamp is taken for a later one.
      expect(Number(at(status, 'status', 'sequence'))).toBeGreaterThan(1);
      // From here on everything is known again.
      app.push({ 'c.yaml': configMap('c', { of: 'good' }) });
      await app.ready();
      app.push({ 'c.yaml': null });
      await app.ready();
      expect(await app.get('v1', 'ConfigMap', 'c')).toBeUndefined();
    },
  );

  it('keeps as many lines of history as it is told, and three releases whole', async () => {
    const app = await lockstep.app('record-rule', { 'a.yaml': configMap('a', { of: '1' }) }, { history: 5 });
    for (let number = 2; number <= 7; number += 1) {
      await app.ready();
      app.push({ 'a.yaml': configMap('a', { of: String(number) }) });
    }
    const status = await app.ready();
    const history = objectsAt(status, 'status', 'history');
    expect(history.map(({ sequence }) => sequence)).toEqual([7, 6, 5, 4, 3]);
    const whole = (release: number): number =>
      JSON.parse(run(app, 'history', 'show', 'app', String(release), '-o', 'json').stdout).objects.length;
    expect([7, 6, 5, 4].map(whole)).toEqual([1, 1, 1, 0]);
    expect(run(app, 'history', 'show', 'app', '2')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('release 2 is not recorded'),
    });
    expect(run(app, 'rollback', 'app', '4')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('recorded are 7'),
    });
    expect(run(app, 'rollback', 'app', '5').code).toBe(0);
    await held(app);
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'of')).toBe('5');
  });

  it('shows no Secret to anybody, and a log only to who may read it', async () => {
    const canary = 'canary-in-the-record';
    const secret = (value: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {value: ${value}}\n`;
    const app = await lockstep.app('record-masked', {
      'web.yaml': deployment('web'),
      'token.yaml': secret(`${canary}-1`),
    });
    await app.ready();
    app.push({ 'web.yaml': deployment('web', { pod: { pod: 'crash-loop' } }), 'token.yaml': secret(`${canary}-2`) });
    await held(app);
    const encoded = Buffer.from(canary).toString('base64').slice(0, 20);
    for (const args of [
      ['history', 'app'],
      ['history', 'show', 'app'],
      ['history', 'show', 'app', '1', '-o', 'json'],
      ['status', 'app', '-o', 'json'],
    ]) {
      const { code, stdout, stderr } = run(app, ...args);
      // The Delivery is held: status says so by its exit code.
      expect(code).toBe(args[0] === 'status' ? 2 : 0);
      expect(stdout + stderr).not.toContain(canary);
      expect(stdout + stderr).not.toContain(encoded);
    }
    expect(run(app, 'history', 'show', 'app', '1', '-o', 'json').stdout).toContain('"kind": "Secret"');
    expect(run(app, 'logs', 'app').stdout).toContain('listening on');
    // Somebody who may read the Delivery, and nothing else.
    const kubeconfig = inject('users')['nobody'] ?? '';
    await allow(app.namespace, 'nobody', {
      apiGroups: ['lockstep.dev'],
      resources: ['deliveries'],
      verbs: ['get', 'list'],
    });
    const asGuest = (...args: string[]) => lockstepCommand([...args, '-n', app.namespace, '--kubeconfig', kubeconfig]);
    expect(asGuest('history', 'app').code).toBe(0);
    expect(asGuest('logs', 'app').stdout).not.toContain('listening on');
    expect(asGuest('history', 'show', 'app')).toMatchObject({ code: 1, stdout: '' });
    expect(asGuest('logs', 'app')).toMatchObject({ code: 1, stderr: expect.stringContaining('can not be read') });
    // Somebody who may read the records too, but neither the objects nor their logs.
    await allow('lockstep-system', 'nobody', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] });
    const release = JSON.parse(asGuest('history', 'show', 'app', '1', '-o', 'json').stdout);
    expect(release.objects).toHaveLength(2);
    for (const one of release.objects) expect(one).toMatchObject({ isHidden: true, title: expect.any(String) });
    expect(JSON.stringify(release)).not.toContain('manifest');
    expect(asGuest('history', 'show', 'app').stdout).not.toContain('crash-loop');
    expect(run(app, 'history', 'show', 'app').stdout).toContain('crash-loop');
    expect(asGuest('logs', 'app')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not for you to read'),
    });
    await lockstep.kube.delete({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      namespace: 'lockstep-system',
      name: 'nobody',
    });
  });
});
