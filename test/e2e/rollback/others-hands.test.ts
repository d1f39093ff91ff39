import { expect, it } from 'vitest';
import { at, numberAt, textAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['hands-scaler', 'hands-remade', 'hands-keep']);

describeOnOwnCluster('a rollback comes back', () => {
  it('although a scaler took over the count that the bad commit had dropped', async () => {
    const unsized = deployment('web', { image: 'app:missing' }).replace('  replicas: 1\n', '');
    const app = await lockstep.app('hands-scaler', { 'web.yaml': deployment('web', { replicas: 3 }) });
    await app.ready();
    const good = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web')];
    const before = await picture(lockstep, refs);
    app.push({ 'web.yaml': unsized });
    const web = app.ref('apps/v1', 'Deployment', 'web');
    await until('it is applied', async () => JSON.stringify(await lockstep.kube.get(web)).includes('app:missing'));
    await lockstep.kube.edit(web, { spec: { replicas: 5 } }, 'kube-controller-manager');
    await held(app);
    await expectBack(lockstep, app, before, refs, good);
    expect(numberAt(await lockstep.kube.get(web), 'spec', 'replicas')).toBe(3);
  });

  it('exactly, although somebody deleted the object since, and it was made again by healing', async () => {
    const recreate = (image: string): string =>
      deployment('web', { image }).replace('  replicas: 1\n', '  replicas: 1\n  strategy: {type: Recreate}\n');
    const app = await lockstep.app('hands-remade', { 'web.yaml': recreate('app:1') });
    await app.ready();
    const web = app.ref('apps/v1', 'Deployment', 'web');
    const { uid } = (await lockstep.kube.get(web))?.metadata ?? {};
    await lockstep.kube.delete(web);
    await until('it is made again', async () => {
      const live = await lockstep.kube.get(web);
      return live !== undefined && live.metadata.uid !== uid && numberAt(live, 'status', 'availableReplicas') === 1;
    });
    app.push({ 'other.yaml': configMap('other', { a: '1' }) });
    await app.ready();
    const good = app.revision;
    const before = await picture(lockstep, [web]);
    app.push({ 'web.yaml': deployment('web', { image: 'app:missing' }) });
    await held(app);
    await expectBack(lockstep, app, before, [web], good);
    expect(textAt(await lockstep.kube.get(web), 'spec', 'strategy', 'type')).toBe('Recreate');
  });

  it('and leaves what somebody has marked to be kept by hand', async () => {
    const app = await lockstep.app('hands-keep', { 'web.yaml': deployment('web') });
    await app.ready();
    app.push({ 'web.yaml': deployment('web', { image: 'app:missing' }), 'new.yaml': configMap('new', { a: '1' }) });
    const ref = app.ref('v1', 'ConfigMap', 'new');
    await until('it is made', async () => (await lockstep.kube.get(ref)) !== undefined);
    await lockstep.kube.edit(ref, { metadata: { annotations: { 'lockstep.dev/prune': 'disabled' } } });
    const status = await held(app);
    expect(await lockstep.kube.get(ref)).toBeDefined();
    expect(at(status, 'status', 'leftBehind')).toEqual(['ConfigMap hands-keep/new: lockstep.dev/prune: disabled']);
  });
});
