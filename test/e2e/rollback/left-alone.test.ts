import { expect, it } from 'vitest';
import { at, numberAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['alone-job', 'alone-kept', 'alone-scaled']);

const job = (image: string): string => `apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  ttlSecondsAfterFinished: 1
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: "${image}"}]}}
`;

describeOnOwnCluster('a rollback leaves alone', () => {
  it('a Job that has done its work, also when its time to live took it away (D9)', async () => {
    const app = await lockstep.app('alone-job', { 'web.yaml': deployment('web'), 'job.yaml': job('app:1') });
    await app.ready();
    const good = app.revision;
    await until('the Job is gone', async () => (await app.get('batch/v1', 'Job', 'migrate')) === undefined);
    const refs = [app.ref('apps/v1', 'Deployment', 'web')];
    const before = await picture(lockstep, refs);
    const since = Date.now();
    app.push({ 'web.yaml': deployment('web', { image: 'app:missing' }) });
    await held(app);
    await expectBack(lockstep, app, before, refs, good);
    expect(app.writes(since).filter(({ resource }) => resource === 'jobs')).toEqual([]);
  });

  it('what somebody else keeps from going, after a while, and says so', async () => {
    const app = await lockstep.app('alone-kept', { 'web.yaml': deployment('web') }, { health: { deadline: '8s' } });
    await app.ready();
    const finalizer = '  finalizers: [example.com/nobody-is-there]\n';
    app.push({
      'web.yaml': deployment('web', { image: 'app:missing' }),
      'kept.yaml': configMap('kept', { a: '1' }, finalizer),
    });
    const status = await held(app);
    expect(at(status, 'status', 'leftBehind')).toEqual(['ConfigMap alone-kept/kept: could not be deleted']);
    expect(await app.get('v1', 'ConfigMap', 'kept')).toMatchObject({
      metadata: { deletionTimestamp: expect.any(String) },
    });
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'kept'), { metadata: { finalizers: [] } });
  });

  it('the number of replicas that somebody else has set', async () => {
    const unsized = (image: string): string => deployment('web', { image }).replace('  replicas: 1\n', '');
    const app = await lockstep.app('alone-scaled', { 'web.yaml': unsized('app:1') });
    await app.ready();
    const web = app.ref('apps/v1', 'Deployment', 'web');
    await lockstep.kube.edit(web, { spec: { replicas: 3 } }, 'horizontal-pod-autoscaler');
    await until(
      'it is scaled',
      async () => numberAt(await lockstep.kube.get(web), 'status', 'availableReplicas') === 3,
    );
    app.push({ 'web.yaml': unsized('app:missing') });
    const status = await held(app);
    expect(numberAt(await lockstep.kube.get(web), 'spec', 'replicas')).toBe(3);
    expect(numberAt(await lockstep.kube.get(web), 'status', 'availableReplicas')).toBe(3);
    expect(at(status, 'status', 'leftBehind')).toBeUndefined();
  });
});
