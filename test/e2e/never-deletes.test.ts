import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { until } from './support/kube.ts';
import { configMap, customKind, customKindRef, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const names = [
  'never-empty',
  'never-path',
  'never-broken',
  'never-server',
  'never-mass',
  'never-branch',
  'never-protected',
  'never-skip',
  'never-silent',
  'never-tag',
];
const lockstep = useLockstep(names);

const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}.yaml`, configMap(`m${i}`, { a: '1' })]));

describeOnOwnCluster('nothing is deleted', () => {
  it('when the path holds no objects any more (D1)', async () => {
    const app = await lockstep.app('never-empty', many(3));
    await app.ready();
    const since = Date.now();
    app.push({ 'm0.yaml': null, 'm1.yaml': null, 'm2.yaml': '# nothing\n', 'README.md': 'empty' });
    expect(await app.refused('EmptyRender')).toContain('no objects at all, while 3 are in the cluster');
    expect(app.writes(since)).toEqual([]);
    expect(await app.get('v1', 'ConfigMap', 'm1')).toBeDefined();
  });

  it('when the path is missing (D1)', async () => {
    const app = await lockstep.app(
      'never-path',
      { 'deploy/a.yaml': configMap('a', { a: '1' }) },
      { source: { path: 'deploy' } },
    );
    await app.ready();
    const since = Date.now();
    app.push({ deploy: null, 'other/a.yaml': configMap('a', { a: '1' }) });
    expect(await app.refused('PathNotFound')).toContain('"deploy" is not in');
    expect(app.writes(since)).toEqual([]);
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeDefined();
  });

  it('when files can not be read: all problems are told together, with file, document and line (D1, D3)', async () => {
    const app = await lockstep.app('never-broken', many(2));
    await app.ready();
    const since = Date.now();
    app.push({
      'm0.yaml': 'a: 1\na: 2\n',
      'm1.yaml': `${configMap('m1', { a: '1' })}---\nkind: ConfigMap\nmetadata: {name: x}\n`,
      'm2.yaml': configMap('m2', { a: '1' }),
      'm3.yaml': configMap('m2', { a: '2' }),
    });
    const message = await app.refused('InvalidManifests');
    expect(message).toContain('3 problems');
    expect(message).toContain('m0.yaml:2: duplicated mapping key');
    expect(message).toContain('m1.yaml (document 2): ConfigMap x: apiVersion is missing or not text');
    expect(message).toContain(
      'm3.yaml (document 1): ConfigMap never-broken/m2: is declared twice; the first is in m2.yaml (document 1)',
    );
    expect(app.writes(since)).toEqual([]);
  });

  it('when the branch is deleted', async () => {
    const app = await lockstep.app('never-branch', many(2));
    await app.ready();
    const since = Date.now();
    app.repository.git('push', '--quiet', 'origin', 'HEAD:other');
    app.repository.git('push', '--quiet', '--delete', 'origin', 'main');
    expect(await app.refused('RefNotFound')).toContain('refs/heads/main is not in');
    expect(app.writes(since)).toEqual([]);
  });

  it('when the tag is deleted, or all that the repository has', async () => {
    const repository = lockstep.git.repository('never-tag-followed.git');
    repository.commit(many(2));
    repository.git('tag', 'v1');
    repository.git('push', '--quiet', 'origin', 'v1');
    const source = { url: repository.url, ref: { tag: 'v1' } };
    const app = await lockstep.app('never-tag', {}, { source });
    await until('it is live', () => app.get('v1', 'ConfigMap', 'm1'));
    const since = Date.now();
    repository.git('push', '--quiet', '--delete', 'origin', 'v1');
    expect(await app.refused('RefNotFound')).toContain('refs/tags/v1 is not in');
    repository.git('push', '--quiet', '--delete', 'origin', 'main');
    await app.refused('RepositoryEmpty', 30_000);
    expect(app.writes(since).filter(({ verb }) => verb === 'delete')).toEqual([]);
    expect(await app.get('v1', 'ConfigMap', 'm0')).toBeDefined();
  });

  it('when the Git server fails, while drift is still healed', async () => {
    const app = await lockstep.app('never-server', many(2));
    await app.ready();
    const since = Date.now();
    lockstep.git.fault = 'broken';
    expect(await app.refused('SourceUnreachable')).toContain('answered HTTP 500');
    lockstep.git.fault = 'refusing';
    await app.refused('SourceUnreachable');
    expect(app.writes(since)).toEqual([]);
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'm0'));
    await expect.poll(() => app.get('v1', 'ConfigMap', 'm0'), { timeout: 5_000 }).toBeDefined();
    expect(app.writes(since).filter((entry) => entry.verb === 'delete')).toEqual([]);
    lockstep.git.fault = 'none';
    await app.ready(30_000);
  });

  it('when more than half would go at once (D2)', async () => {
    const app = await lockstep.app('never-mass', many(12));
    await app.ready();
    const since = Date.now();
    app.push(Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`m${i}.yaml`, null])));
    expect(await app.refused('TooManyPruned')).toContain('would delete 7 of 12 objects');
    expect(app.writes(since)).toEqual([]);
    // What was found is of no interest to other settings.
    await lockstep.kube.edit(app.delivery, { spec: { source: { path: 'nowhere' } } });
    await app.refused('PathNotFound');
    expect(app.writes(since)).toEqual([]);
  });

  it('when it is a kind that takes what it holds along: a namespace, a CRD, a claim (D2)', async () => {
    const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: never-inner}\n';
    const claim =
      'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {storageClassName: "", volumeName: none, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n';
    const definition = customKind('never.example.com', 'Jewel');
    const app = await lockstep.app('never-protected', { ...many(1), 'ns.yaml': namespace, 'crd.yaml': definition });
    await app.ready();
    app.push({ 'claim.yaml': claim });
    await until('the claim is there', () => app.get('v1', 'PersistentVolumeClaim', 'data'));
    const since = Date.now();
    app.push({ 'ns.yaml': null, 'crd.yaml': null, 'claim.yaml': null });
    await app.ready();
    expect(app.writes(since)).toEqual([]);
    expect(await lockstep.kube.get({ apiVersion: 'v1', kind: 'Namespace', name: 'never-inner' })).toBeDefined();
    expect(await lockstep.kube.get(customKindRef('never.example.com', 'Jewel'))).toBeDefined();
    expect(await app.get('v1', 'PersistentVolumeClaim', 'data')).toBeDefined();
  });

  it('when an object is to be left alone from now on', async () => {
    const app = await lockstep.app('never-skip', many(2));
    await app.ready();
    const since = Date.now();
    app.push({
      'm0.yaml': configMap('m0', { a: '2' }, '  annotations: {kustomize.toolkit.fluxcd.io/reconcile: disabled}\n'),
    });
    const ready = await app.ready();
    expect(ready).toMatchObject({ status: { actions: { skip: 1, unchanged: 1 } } });
    expect(app.writes(since)).toEqual([]);
    expect(textAt(await app.get('v1', 'ConfigMap', 'm0'), 'data', 'a')).toBe('1');
    // From now on it is somebody else's: a hand edit stays, and it outlives its file and the Delivery.
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'm0'), { data: { a: 'by hand' } });
    app.push({ 'm0.yaml': null });
    await app.ready();
    await app.remove();
    expect(textAt(await app.get('v1', 'ConfigMap', 'm0'), 'data', 'a')).toBe('by hand');
    expect(await app.get('v1', 'ConfigMap', 'm1')).toBeUndefined();
  });

  it('while the Git server is silent: drift is healed without waiting for it', async () => {
    const app = await lockstep.app('never-silent', many(2));
    await app.ready();
    lockstep.git.fault = 'silent';
    await sleep(1_500);
    const since = Date.now();
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'm0'));
    await expect.poll(() => app.get('v1', 'ConfigMap', 'm0'), { timeout: 3_000 }).toBeDefined();
    expect(app.writes(since).filter((entry) => entry.verb === 'delete')).toEqual([]);
    lockstep.git.fault = 'none';
  });
});
