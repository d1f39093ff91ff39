import { expect, it } from 'vitest';
import { objectsAt, textAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { allow, deny } from '../support/policy.ts';
import { expectBack, held, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['denied-back', 'denied-forward', 'denied-again']);

const good = { 'web.yaml': deployment('web'), 'settings.yaml': configMap('settings', { color: 'blue' }) };
const bad = {
  'web.yaml': deployment('web', { image: 'app:missing' }),
  'settings.yaml': configMap('settings', { color: 'red' }),
};
/** An app whose bad commit can't be undone whole: good is refused by now. */
async function stuck(namespace: string) {
  const app = await lockstep.app(namespace, good);
  await app.ready();
  const refs = [app.ref('apps/v1', 'Deployment', 'web'), app.ref('v1', 'ConfigMap', 'settings')];
  const before = await picture(lockstep, refs);
  const revision = app.revision;
  app.push(bad);
  await until(
    'the bad ConfigMap is there',
    async () => textAt(await app.get('v1', 'ConfigMap', 'settings'), 'data', 'color') === 'red',
  );
  await deny(lockstep.kube, namespace, {
    operation: 'UPDATE',
    resource: 'configmaps',
    must: "object.data.color != 'blue'",
    message: 'blue is not allowed any more',
  });
  const message = await app.refused('RollbackFailed', 40_000);
  return { app, refs, before, revision, message };
}

describeOnOwnCluster('a rollback that is refused', () => {
  it('is tried three times, then told once; all else comes back, and it goes on until it is whole', async () => {
    const { app, refs, before, revision, message } = await stuck('denied-back');
    expect(message).toContain('blue is not allowed any more');
    const real = app
      .requests(0)
      .filter(({ status, name, verb }) => status === 422 && verb === 'patch' && name === 'settings');
    // Each of the three tries is one dry-run and one apply.
    expect(real.length).toBeGreaterThanOrEqual(6);
    expect(textAt(await app.status(), 'status', 'state')).toBe('Degraded');
    const web = await app.get('apps/v1', 'Deployment', 'web');
    expect(JSON.stringify(web)).toContain('app:1');
    await until(
      'it goes on trying',
      async () => {
        const tries = app
          .requests(0)
          .filter(({ status, name, verb }) => status === 422 && verb === 'patch' && name === 'settings');
        return tries.length > 8;
      },
      40_000,
    );
    const alerts = (await app.events()).filter(({ reason }) => reason === 'RollbackFailed');
    expect(alerts).toHaveLength(1);
    expect(lockstep.agent.output().split('a person is needed')).toHaveLength(2);
    await allow(lockstep.kube, 'denied-back');
    await held(app, 'RolledBack', 60_000);
    await expectBack(lockstep, app, before, refs, revision);
  });

  it('deletes nothing that can not be made again: what was made immutable stays until it can (F1.3)', async () => {
    const app = await lockstep.app('denied-again', good);
    await app.ready();
    const settings = app.ref('v1', 'ConfigMap', 'settings');
    const before = await lockstep.kube.get(settings);
    await deny(lockstep.kube, 'denied-again', {
      operation: 'CREATE',
      resource: 'configmaps',
      must: 'false',
      message: 'no more ConfigMaps',
    });
    const since = Date.now();
    app.push({ ...bad, 'settings.yaml': `${bad['settings.yaml']}immutable: true\n` });
    expect(await app.refused('RollbackFailed', 60_000)).toContain('no more ConfigMaps');
    expect(app.writes(since).filter(({ verb }) => verb === 'delete')).toEqual([]);
    const kept = await lockstep.kube.get(settings);
    expect(kept).toMatchObject({ immutable: true, data: { color: 'red' } });
    expect(kept?.metadata.uid).toBe(before?.metadata.uid);
    await allow(lockstep.kube, 'denied-again');
    await held(app);
    const after = await lockstep.kube.get(settings);
    expect(textAt(after, 'data', 'color')).toBe('blue');
    expect(after?.['immutable']).toBeUndefined();
  });

  it('does not keep the next commit from going forward', async () => {
    const { app } = await stuck('denied-forward');
    app.push({
      'web.yaml': deployment('web', { image: 'app:2' }),
      'settings.yaml': configMap('settings', { color: 'green' }),
    });
    const status = await app.ready();
    expect(textAt(await app.get('v1', 'ConfigMap', 'settings'), 'data', 'color')).toBe('green');
    expect(objectsAt(status, 'status', 'history').map(({ verdict }) => verdict)).toEqual(['Good', 'Degraded', 'Good']);
  });
});
