import { expect, it } from 'vitest';
import { at, textAt } from '../../../diff/json.ts';
import { makeNamespace } from '../support/furnish.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { held } from '../support/rollback.ts';

const lockstep = useLockstep(['back-first', 'back-cleared']);
const files = {
  'settings.yaml': configMap('settings', { color: 'blue' }),
  'web.yaml': deployment('web', { image: 'app:missing' }),
  'later.yaml': configMap('later', { a: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
};

describeOnOwnCluster('a first release that fails', () => {
  it('is kept and held: there is nothing to go back to; drift of it is healed, and a fix goes forward', async () => {
    const app = await lockstep.app('back-first', files);
    expect(await app.refused('ReleaseFailed')).toContain('ErrImagePull');
    const status = await app.status();
    expect(textAt(status, 'status', 'state')).toBe('Degraded');
    expect(at(status, 'status', 'revision', 'good')).toBeUndefined();
    expect(at(status, 'status', 'history')).toMatchObject([{ verdict: 'Degraded', revision: app.revision }]);
    expect(await app.get('apps/v1', 'Deployment', 'web')).toBeDefined();
    expect(await app.get('v1', 'ConfigMap', 'later')).toBeUndefined();
    // The same content under another commit stays held.
    app.push({ 'README.md': 'not a manifest' });
    await expect
      .poll(async () => textAt(await app.status(), 'status', 'revision', 'tip'), { timeout: 10_000 })
      .toBe(app.revision);
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'settings'), { data: { color: 'red' } });
    await expect
      .poll(async () => textAt(await app.get('v1', 'ConfigMap', 'settings'), 'data', 'color'), { timeout: 10_000 })
      .toBe('blue');
    expect(textAt(await app.status(), 'status', 'state')).toBe('Degraded');
    app.push({ 'web.yaml': deployment('web') });
    await app.ready();
    expect(await app.get('v1', 'ConfigMap', 'later')).toBeDefined();
  });

  it('is cleared away when spec.rollback.onFirstFailure says so, but for what is protected or was there before', async () => {
    const claim =
      'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {storageClassName: "", accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n';
    await makeNamespace(lockstep.kube, 'back-cleared');
    await lockstep.kube.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'taken', namespace: 'back-cleared' },
      data: { of: 'hand' },
    });
    const more = {
      'claim.yaml': claim,
      'keep.yaml': configMap('keep', { a: '1' }, '  annotations: {helm.sh/resource-policy: keep}\n'),
      'taken.yaml': configMap('taken', { more: 'git' }),
    };
    const app = await lockstep.app('back-cleared', { ...files, ...more }, { rollback: { onFirstFailure: 'delete' } });
    const status = await held(app);
    expect(await app.get('v1', 'PersistentVolumeClaim', 'data')).toBeDefined();
    expect(await app.get('v1', 'ConfigMap', 'keep')).toBeDefined();
    expect((await app.get('v1', 'ConfigMap', 'taken'))?.['data']).toEqual({ of: 'hand' });
    expect(at(status, 'status', 'leftBehind')).toEqual([
      'PersistentVolumeClaim back-cleared/data: a PersistentVolumeClaim is only pruned when somebody confirms it',
      'ConfigMap back-cleared/keep: helm.sh/resource-policy: keep',
    ]);
    expect(await app.get('apps/v1', 'Deployment', 'web')).toBeUndefined();
    expect(await app.get('v1', 'ConfigMap', 'settings')).toBeUndefined();
    expect(at(status, 'status', 'revision', 'good')).toBeUndefined();
    app.push({ 'web.yaml': deployment('web'), 'claim.yaml': null });
    await app.ready();
  });
});
