import { expect, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { held } from '../support/rollback.ts';

const lockstep = useLockstep(['once-ran', 'once-failed', 'once-old', 'once-odd']);

/** A Job that migrates something for good. Its pod takes annotations such as `pod: fail`. */
const migration = (phase: string, pod = '', name = 'migrate'): string => `apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}
  annotations: {lockstep.dev/hook: ${phase}, lockstep.dev/irreversible: "true"}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {${pod === '' ? '' : `test.lockstep.dev/pod: ${pod}`}}}
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "migrate:1"}]
`;

const good = { 'web.yaml': deployment('web'), 'a.yaml': configMap('a', { a: '1' }) };
const bad = { 'web.yaml': deployment('web', { image: 'app:missing' }), 'a.yaml': configMap('a', { a: '2' }) };

describeOnOwnCluster('a hook that says that it can not be undone', () => {
  it('keeps a release that fails after it from being rolled back by itself, loudly; a person may ask for it', async () => {
    const app = await lockstep.app('once-ran', good);
    await app.ready();
    app.push({ ...bad, 'job.yaml': migration('PreSync') });
    const message = await app.refused('ReleaseFailed', 30_000);
    expect(message).toContain('; Job once-ran/migrate has run and is irreversible; request rollback to go back to');
    const status = await app.status();
    expect(textAt(status, 'status', 'state')).toBe('Degraded');
    const events = await app.events();
    expect(events.find(({ reason }) => reason === 'Irreversible')?.message).toContain(
      'Job once-ran/migrate has run and is irreversible: nothing is rolled back by itself',
    );
    expect((await app.get('v1', 'ConfigMap', 'a'))?.['data']).toEqual({ a: '2' });
    await app.request('rollback@1 by=ada');
    await held(app);
    expect((await app.get('v1', 'ConfigMap', 'a'))?.['data']).toEqual({ a: '1' });
  });

  it('says so only once it has succeeded', async () => {
    const app = await lockstep.app('once-failed', good);
    await app.ready();
    app.push({ ...bad, 'job.yaml': migration('PreSync', 'fail') });
    await held(app);
    expect((await app.get('v1', 'ConfigMap', 'a'))?.['data']).toEqual({ a: '1' });
  });

  it('says nothing of a later release', async () => {
    const app = await lockstep.app('once-old', { ...good, 'job.yaml': migration('PreSync') });
    await app.ready();
    app.push({ 'job.yaml': null });
    await app.ready();
    app.push(bad);
    await held(app);
  });

  it('must be a hook, and say it as one says it', async () => {
    const odd = configMap('b', { a: '1' }, '  annotations: {lockstep.dev/irreversible: "true"}\n');
    const app = await lockstep.app('once-odd', { ...good, 'b.yaml': odd });
    expect(await app.refused('InvalidManifests')).toContain(
      'lockstep.dev/irreversible is true or false, and belongs on a hook',
    );
    app.push({ 'b.yaml': null });
    await until('it is good', async () => textAt(await app.status(), 'status', 'state') === 'Synced');
  });
});
