import { expect, it } from 'vitest';
import { at, objectsAt } from '../../../diff/json.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['back-set']);

const service =
  'apiVersion: v1\nkind: Service\nmetadata: {name: added}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n';

describeOnOwnCluster('a bad commit that adds and removes objects', () => {
  it('takes back what it created, never lost what it removed, and lists what it may not delete', async () => {
    const app = await lockstep.app('back-set', {
      'web.yaml': deployment('web'),
      'removed.yaml': configMap('removed', { a: '1' }),
      'kept.yaml': configMap('kept', { a: '1' }),
    });
    // It was there before anybody named it in Git.
    await lockstep.kube.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'taken', namespace: 'back-set' },
      data: { of: 'hand' },
    });
    await app.ready();
    const good = app.revision;
    const refs = [
      app.ref('apps/v1', 'Deployment', 'web'),
      app.ref('v1', 'ConfigMap', 'removed'),
      app.ref('v1', 'ConfigMap', 'kept'),
    ];
    const before = await picture(lockstep, refs);
    const since = Date.now();
    app.push({
      'web.yaml': deployment('web', { image: 'app:missing' }),
      'removed.yaml': null,
      'service.yaml': service,
      'keep.yaml': configMap('protected', { a: '1' }, '  annotations: {helm.sh/resource-policy: keep}\n'),
      'taken.yaml': configMap('taken', { of: 'git' }),
    });
    const status = await held(app);
    await expectBack(lockstep, app, before, refs, good);
    expect(await app.get('v1', 'Service', 'added')).toBeUndefined();
    expect(await app.get('v1', 'ConfigMap', 'protected')).toBeDefined();
    expect((await app.get('v1', 'ConfigMap', 'taken'))?.['data']).toEqual({ of: 'hand' });
    expect(at(status, 'status', 'leftBehind')).toEqual(['ConfigMap back-set/protected: helm.sh/resource-policy: keep']);
    const log = app.writes(since);
    const deletes = log.filter(({ verb }) => verb === 'delete');
    expect(deletes.map(({ resource, name }) => `${resource} ${name}`)).toEqual(['services added']);
    // Nothing goes before good is there again.
    const back = Math.max(
      ...log.filter(({ name, verb }) => name === 'web' && verb === 'patch').map(({ time }) => time),
    );
    expect(deletes[0]?.time ?? 0).toBeGreaterThan(back);
    expect(objectsAt(status, 'status', 'history')[0]?.['verdict']).toBe('RolledBack');
  });
});
