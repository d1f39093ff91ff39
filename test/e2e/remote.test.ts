import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { numberAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { parseYaml } from '../../sync/render/yaml.ts';
import { call } from './support/api.ts';
import { lockstepBeside } from './support/cli.ts';
import { kubeconfigOf, useFarCluster } from './support/far-cluster.ts';
import { serveKind } from './support/foreign-kinds.ts';
import { agentNamespace, makeNamespace } from './support/furnish.ts';
import { until } from './support/kube.ts';
import {
  type App,
  configMap,
  customKindRef,
  deployment,
  describeOnOwnCluster,
  useLockstep,
} from './support/lockstep.ts';
import { held, holdMessage } from './support/rollback.ts';

const limits = 'remote-limits';
const silent = ['remote-silent-a', 'remote-silent-b', 'remote-silent-c', 'remote-silent-d'];
const lockstep = useLockstep(
  [
    'remote-main',
    'remote-bad',
    'remote-near',
    'remote-rotated',
    'remote-gone',
    'remote-limited',
    'remote-other',
    'remote-midway',
    'remote-chart',
    ...silent,
  ],
  { flags: ['--limits', limits, '--workers', '4'] },
);
const far = useFarCluster();

const there = { target: { kubeconfigSecretRef: { name: 'far' } } };

/** Puts a kubeconfig into the Secret `far` of a namespace. */
async function logIn(namespace: string, kubeconfig: string, key = 'kubeconfig'): Promise<void> {
  const data = { [key]: Buffer.from(kubeconfig).toString('base64') };
  await lockstep.kube.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'far', namespace }, data } as never);
}

/** A Delivery into a namespace of the same name of the other cluster. */
async function farApp(namespace: string, files: Record<string, string>, more: object = {}): Promise<App> {
  await makeNamespace(lockstep.kube, namespace);
  await makeNamespace(far.kube, namespace);
  await logIn(namespace, await far.kubeconfig(`${namespace}-account`));
  return lockstep.app(namespace, files, { ...there, ...more } as never);
}

const farGet = (app: App, apiVersion: string, kind: string, name: string) =>
  far.kube.get(app.ref(apiVersion, kind, name));

describeOnOwnCluster('another cluster', () => {
  it('is delivered to as if it were the own: scaled, healed, rolled back, pruned, looked at, and cleared', async () => {
    const app = await farApp(
      'remote-main',
      { 'web.yaml': deployment('web'), 'a.yaml': configMap('a', { color: 'blue' }) },
      { health: { steady: '0s', signals: { imagePull: '1s' } } },
    );
    const first = await app.ready(30_000);
    expect(condition(first, 'Healthy')?.status).toBe('True');
    expect(await farGet(app, 'apps/v1', 'Deployment', 'web')).toBeDefined();
    expect(await app.get('apps/v1', 'Deployment', 'web')).toBeUndefined();

    app.push({ 'web.yaml': deployment('web', { replicas: 3 }) });
    await app.ready(30_000);
    expect(numberAt(await farGet(app, 'apps/v1', 'Deployment', 'web'), 'status', 'availableReplicas')).toBe(3);

    await far.kube.delete(app.ref('apps/v1', 'Deployment', 'web'));
    await until('the Deployment is made again', () => farGet(app, 'apps/v1', 'Deployment', 'web'), 5_000);
    await far.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { color: 'red' } });
    await until(
      'the color is healed',
      async () => textAt(await farGet(app, 'v1', 'ConfigMap', 'a'), 'data', 'color') === 'blue',
      5_000,
    );

    app.push({ 'web.yaml': deployment('web', { replicas: 3, image: 'app:missing' }) });
    expect(holdMessage(await held(app))).toContain('ErrImagePull');
    app.push({ 'web.yaml': deployment('web'), 'a.yaml': null, 'b.yaml': configMap('b', { b: '1' }) });
    await app.ready(30_000);
    await until('what left Git is gone', async () => (await farGet(app, 'v1', 'ConfigMap', 'a')) === undefined);

    const flags = ['app', '-n', app.namespace, '--kubeconfig', inject('kubeconfig')];
    const [tree, plan, diff] = await Promise.all(
      ['tree', 'plan', 'diff'].map((verb) => lockstepBeside([verb, ...flags])),
    );
    expect(tree?.stdout).toMatch(/Deployment remote-main\/web {2}Healthy[\s\S]*Pod remote-main\/web-/);
    expect(plan?.stdout).toMatch(/2 unchanged\nplan /);
    expect(diff?.stdout).toBe('tip, target and live are one\n');
    const { body } = await call(`${lockstep.agent.api}/api/v1/deliveries/${app.namespace}/app/resources`);
    expect(body.items.map(({ name }: { name: string }) => name).sort()).toEqual(['b', 'web']);

    await app.remove(30_000);
    expect(await farGet(app, 'apps/v1', 'Deployment', 'web')).toBeUndefined();
  }, 180_000);

  it('whose kubeconfig would run a program, or is missing, is never asked; mended it is (T5)', async () => {
    const [config] = parseYaml(await far.kubeconfig('remote-bad-account')) as never as { users: { name: string }[] }[];
    await makeNamespace(lockstep.kube, 'remote-bad');
    await makeNamespace(far.kube, 'remote-bad');
    const app = await lockstep.app('remote-bad', { 'a.yaml': configMap('a', { a: '1' }) }, there as never);
    expect(await app.refused('KubeconfigInvalid')).toContain('the Secret remote-bad/far does not exist');
    const bad = {
      ...config,
      users: config?.users.map(({ name }) => ({
        name,
        user: { exec: { command: 'touch', args: ['/tmp/remote-bad'] } },
      })),
    };
    await logIn('remote-bad', JSON.stringify(bad), 'value');
    await until('the program is refused', async () =>
      (await app.refused('KubeconfigInvalid')).includes('exec of the user is not allowed'),
    );
    await logIn('remote-bad', JSON.stringify(config), 'value');
    expect(existsSync('/tmp/remote-bad')).toBe(false);
    await until('it is refused no more', async () => condition(await app.status(), 'Ready')?.status === 'True', 40_000);
    expect(await farGet(app, 'v1', 'ConfigMap', 'a')).toBeDefined();
  }, 90_000);

  it('is the one that a chart is told about: the kinds that it has count, and those of the own one do not', async () => {
    const [only, near] = ['only-far.example.com', 'only-near.example.com'];
    for (const [kube, group] of [[far.kube, only] as const, [lockstep.kube, near] as const])
      await serveKind(kube, { group, version: 'v1', kind: 'Thing' });
    const has = (group: string): string => `{{ .Capabilities.APIVersions.Has "${group}/v1/Thing" | quote }}`;
    const app = await farApp('remote-chart', {
      'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
      'templates/m.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  far: ${has(only)}\n  near: ${has(near)}\n`,
    });
    await app.ready(60_000);
    expect((await farGet(app, 'v1', 'ConfigMap', 'm'))?.['data']).toEqual({ far: 'true', near: 'false' });
    await app.remove(30_000);
    await lockstep.kube.delete(customKindRef(near, 'Thing'));
  }, 120_000);

  it('may be one that the namespace is not allowed to reach', async () => {
    await lockstep.kube.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: limits, namespace: agentNamespace },
      data: { 'remote-limited': 'clusters: ["https://*.example.com"]\n' },
    } as never);
    const app = await farApp('remote-limited', { 'a.yaml': configMap('a', { a: '1' }) });
    expect(await app.refused('NotAllowed')).toMatch(/the cluster https:\/\/127\.0\.0\.1:\d+ is not allowed/);
    expect(await farGet(app, 'v1', 'ConfigMap', 'a')).toBeUndefined();
  });

  it('that falls silent holds up nobody else, is named, and goes on where it was (F35)', async () => {
    const near = await lockstep.app('remote-near', { 'a.yaml': configMap('a', { a: '0' }) });
    await near.ready();
    const apps: App[] = [];
    for (const name of silent) apps.push(await farApp(name, { 'a.yaml': configMap('a', { a: '0' }) }));
    for (const app of apps) await app.ready(30_000);
    far.isSilent = true;
    for (const app of apps) app.push({ 'a.yaml': configMap('a', { a: '1' }) });
    const times: number[] = [];
    for (let round = 1; round <= 8; round += 1) {
      near.push({ 'a.yaml': configMap('a', { a: String(round) }) });
      const since = performance.now();
      await near.ready();
      times.push(performance.now() - since);
      await sleep(700);
    }
    expect(Math.max(...times)).toBeLessThan(4_000);
    for (const app of apps)
      expect(await app.refused('ClusterUnavailable', 40_000)).toContain(
        `the cluster of the Secret ${app.namespace}/far: no answer`,
      );
    far.isSilent = false;
    for (const app of apps) await app.ready(60_000);
    expect(
      textAt(
        await far.kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: silent[0] as string, name: 'a' }),
        'data',
        'a',
      ),
    ).toBe('1');
  }, 180_000);

  it('whose login was changed is reached by the new one, at another address too (F35)', async () => {
    const app = await farApp('remote-rotated', { 'a.yaml': configMap('a', { a: '0' }) });
    await app.ready(30_000);
    await far.cut();
    app.push({ 'a.yaml': configMap('a', { a: '1' }) });
    await app.refused('ClusterUnavailable', 40_000);
    await far.mend();
    await logIn('remote-rotated', await far.kubeconfig('remote-rotated-other'));
    await app.ready(60_000);
    expect(textAt(await farGet(app, 'v1', 'ConfigMap', 'a'), 'data', 'a')).toBe('1');
    await far.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { a: 'drift' } });
    await until(
      'drift is seen by the new login',
      async () => textAt(await farGet(app, 'v1', 'ConfigMap', 'a'), 'data', 'a') === '1',
    );
  }, 120_000);

  it('is never mistaken for a third one: a kubeconfig that leads there is refused, and nothing is done there', async () => {
    const app = await farApp('remote-other', {
      'a.yaml': configMap('a', { a: '0' }),
      'b.yaml': configMap('b', { b: '0' }),
    });
    await app.ready(30_000);
    const mine = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: app.namespace } };
    await lockstep.kube.apply({ ...mine, data: { a: 'somebody else' } } as never, 'somebody');
    await logIn('remote-other', await kubeconfigOf(lockstep.kube, inject('kubeconfig'), 'remote-other-account'));
    app.push({ 'a.yaml': configMap('a', { a: '1' }), 'b.yaml': null });
    expect(await app.refused('KubeconfigInvalid', 90_000)).toContain('leads to another cluster');
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'a')).toBe('somebody else');
    await logIn('remote-other', await far.kubeconfig('remote-other-account'));
    await app.ready(90_000);
    expect(textAt(await farGet(app, 'v1', 'ConfigMap', 'a'), 'data', 'a')).toBe('1');
    expect(await farGet(app, 'v1', 'ConfigMap', 'b')).toBeUndefined();
  }, 240_000);

  it('that falls silent in the middle of a release fails no commit: clocks stand still', async () => {
    const app = await farApp(
      'remote-midway',
      { 'a.yaml': configMap('a', { a: '0' }) },
      { health: { steady: '0s', deadline: '9s' } },
    );
    await app.ready(30_000);
    app.push({ 'web.yaml': deployment('web', { pod: { 'ready-after': '3s' } }) });
    await until('it is under way', () => farGet(app, 'apps/v1', 'Deployment', 'web'));
    try {
      far.isSilent = true;
      expect(await app.refused('ClusterUnavailable', 40_000)).toContain('no answer');
      // Longer than the deadline.
      await sleep(12_000);
    } finally {
      far.isSilent = false;
    }
    await app.ready(60_000);
    expect(textAt(await app.status(), 'status', 'revision', 'good')).toBe(app.revision);
  }, 180_000);

  it('that is gone for good does not keep a Delivery from going: what is left behind is told', async () => {
    const app = await farApp('remote-gone', { 'a.yaml': configMap('a', { a: '0' }) }, { health: { deadline: '3s' } });
    await app.ready(30_000);
    await far.cut();
    await app.remove(40_000);
    await far.mend();
    expect(await farGet(app, 'v1', 'ConfigMap', 'a')).toBeDefined();
    expect(lockstep.agent.output()).toContain('left behind by a Delivery that ends');
  }, 90_000);
});
