import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { at, numberAt, textAt } from '../../../diff/json.ts';
import { condition } from '../../../health/kinds/conditions.ts';
import { gone, until } from '../support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { allow, deny } from '../support/policy.ts';
import { held, holdMessage } from '../support/rollback.ts';

/** Lines of docs/design/edge-cases.md: F are those on Flux. */
const lockstep = useLockstep([
  'edge-deleted',
  'edge-finalizer',
  'edge-leaving',
  'edge-lost',
  'edge-midway',
  'edge-quiet',
  'edge-replace',
  'edge-suspended',
  'edge-unmade',
]);

const finalized = '  finalizers: [test.lockstep.dev/held]\n';
const replacing = '  annotations: {lockstep.dev/replace: allowed}\n';
const letGo = (app: App, name: string) =>
  lockstep.kube.edit(app.ref('v1', 'ConfigMap', name), { metadata: { finalizers: null } });

describeOnOwnCluster('in a release it is as it should be that', () => {
  it('a Namespace that can not be made stops it: nothing in it is sent, and SyncFail runs (1.2)', async () => {
    const app = await lockstep.app('edge-unmade', { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    // What a dry-run lets pass.
    await deny(lockstep.kube, 'edge-inner', {
      operation: 'CREATE',
      resource: 'namespaces',
      must: 'has(request.dryRun) && request.dryRun',
      message: 'no more namespaces',
    });
    await sleep(1_500);
    const since = Date.now();
    app.push({
      'a.yaml': configMap('a', { a: '2' }),
      'n.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: edge-inner}\n',
      'inner.yaml': configMap('inner', { a: '1' }, '  namespace: edge-inner\n'),
      'clean.yaml':
        'apiVersion: batch/v1\nkind: Job\nmetadata: {name: clean, annotations: {lockstep.dev/hook: SyncFail}}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: "m:1"}]}}}\n',
    });
    expect(holdMessage(await held(app))).toContain('no more namespaces');
    // What comes after these is the way back.
    const sent = app.writes(since).map(({ name }) => name);
    expect(sent.slice(0, 2)).toEqual(['edge-inner', 'clean']);
    expect(sent).not.toContain('inner');
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'a')).toBe('1');
    await allow(lockstep.kube, 'edge-inner');
  });

  it('an object of the running wave, deleted by somebody, is made again and waited for (18)', async () => {
    const app = await lockstep.app('edge-midway', { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    app.push({ 'web.yaml': deployment('web', { pod: { 'ready-after': '4s' } }) });
    const first = await until('it is there', () => app.get('apps/v1', 'Deployment', 'web'));
    await lockstep.kube.delete(app.ref('apps/v1', 'Deployment', 'web'));
    await app.ready(60_000);
    expect((await app.get('apps/v1', 'Deployment', 'web'))?.metadata.uid).not.toBe(first.metadata.uid);
  });

  it('what is pruned and held by a finalizer is deleted once, keeps what comes before it, and is named (19)', async () => {
    const second = configMap('second', { b: '1' }, `${finalized}  annotations: {lockstep.dev/wave: "2"}\n`);
    const app = await lockstep.app('edge-finalizer', {
      'a.yaml': configMap('stays', { a: '1' }),
      'b.yaml': configMap('first', { a: '1' }),
      'c.yaml': second,
      'd.yaml': configMap('also', { a: '1' }),
    });
    await app.ready();
    const since = Date.now();
    app.push({ 'b.yaml': null, 'c.yaml': null });
    await until('the status names the finalizer', async () =>
      JSON.stringify(at(await app.status(), 'status')).includes(
        'ConfigMap edge-finalizer/second is being deleted, held by test.lockstep.dev/held',
      ),
    );
    await sleep(2_500);
    expect(await app.get('v1', 'ConfigMap', 'first')).toBeDefined();
    const deletes = () => app.writes(since).flatMap(({ verb, name }) => (verb === 'delete' ? [name] : []));
    expect(deletes()).toEqual(['second']);
    await letGo(app, 'second');
    await app.ready(30_000);
    expect(deletes()).toEqual(['second', 'first']);
  });

  it('an object on its way out is waited for by name, and made again (F2.3)', async () => {
    const app = await lockstep.app('edge-leaving', { 'a.yaml': configMap('a', { a: '1' }, finalized) });
    await app.ready();
    const before = await app.get('v1', 'ConfigMap', 'a');
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'a'));
    app.push({ 'a.yaml': configMap('a', { a: '2' }, finalized) });
    await until('the status says what is waited for', async () =>
      JSON.stringify(at(await app.status(), 'status')).includes(
        'ConfigMap edge-leaving/a is being deleted, held by test.lockstep.dev/held',
      ),
    );
    await letGo(app, 'a');
    await app.ready(40_000);
    const after = await app.get('v1', 'ConfigMap', 'a');
    expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
    expect(textAt(after, 'data', 'a')).toBe('2');
    await letGo(app, 'a');
  });

  it('what can not be changed is replaced where that is allowed: a roleRef, an immutable ConfigMap, the template of a Job (24, F24.2, F25.2)', async () => {
    const binding = (role: string): string =>
      `apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: b\n${replacing}roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${role}}\nsubjects: [{kind: ServiceAccount, name: default}]\n`;
    const map = (value: string): string => `${configMap('sealed', { a: value }, replacing)}immutable: true\n`;
    const job = (image: string): string =>
      `apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: j\n${replacing}spec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: main, image: "${image}"}]\n`;
    const app = await lockstep.app('edge-replace', {
      'b.yaml': binding('view'),
      'm.yaml': map('1'),
      'j.yaml': job('job:1'),
    });
    await app.ready(40_000);
    app.push({ 'b.yaml': binding('edit'), 'm.yaml': map('2'), 'j.yaml': job('job:2') });
    const status = await app.ready(60_000);
    expect(at(status, 'status', 'actions')).toMatchObject({ replace: 3 });
    const role = await app.get('rbac.authorization.k8s.io/v1', 'RoleBinding', 'b');
    expect(textAt(role, 'roleRef', 'name')).toBe('edit');
    expect(textAt(await app.get('v1', 'ConfigMap', 'sealed'), 'data', 'a')).toBe('2');
    expect(numberAt(await app.get('batch/v1', 'Job', 'j'), 'status', 'succeeded')).toBe(1);
  });

  it('with selfHeal off a release brings back what is missing, once (27.2)', async () => {
    const app = await lockstep.app(
      'edge-lost',
      { 'a.yaml': configMap('a', { a: '1' }), 'b.yaml': configMap('b', { b: '1' }) },
      { sync: { selfHeal: false } },
    );
    await app.ready();
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'a'));
    await sleep(1_200);
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
    app.push({ 'b.yaml': configMap('b', { b: '2' }) });
    await until('it is there again', () => app.get('v1', 'ConfigMap', 'a'));
    await app.ready();
  });

  it('a Delivery that is deleted in the middle of a release goes, with what that had made (33.2)', async () => {
    const app = await lockstep.app('edge-deleted', {
      'a.yaml': deployment('web', { pod: { pod: 'never-ready' } }),
      'b.yaml': configMap('late', { b: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
    });
    await until('it waits', () => app.get('apps/v1', 'Deployment', 'web'));
    await lockstep.kube.delete(app.delivery);
    await gone(lockstep.kube, app.delivery, 30_000);
    expect(await app.get('apps/v1', 'Deployment', 'web')).toBeUndefined();
    expect(await app.get('v1', 'ConfigMap', 'late')).toBeUndefined();
  });

  it('what is suspended lets the next wave begin (F6.1)', async () => {
    const app = await lockstep.app('edge-suspended', {
      'a.yaml': deployment('web', { replicas: 0 }).replace('spec:\n', 'spec:\n  paused: true\n'),
      'b.yaml':
        'apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec:\n  suspend: true\n  schedule: "0 0 1 1 *"\n  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: "m:1"}]}}}}\n',
      'c.yaml': configMap('late', { b: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
    });
    const status = await app.ready(30_000);
    expect(condition(status, 'Healthy')).toMatchObject({ reason: 'Suspended' });
    expect(await app.get('v1', 'ConfigMap', 'late')).toBeDefined();
  });

  it('a status that it writes itself asks for no turn (32.1)', async () => {
    const app = await lockstep.app(
      'edge-quiet',
      { 'a.yaml': configMap('a', { a: '1' }) },
      { source: { interval: '1h' } },
    );
    await app.ready();
    const turns = (): number =>
      lockstep.agent
        .output()
        .split('\n')
        .filter((line) => line.includes('"delivery":"edge-quiet/app"') && line.includes('a turn ended')).length;
    await sleep(500);
    const before = turns();
    await sleep(3_000);
    expect(turns()).toBe(before);
    expect(before).toBeGreaterThan(0);
  });
});
