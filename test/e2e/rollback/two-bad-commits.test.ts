import { expect, it } from 'vitest';
import { objectsAt } from '../../../diff/json.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['back-twice']);

describeOnOwnCluster('two bad commits in a row', () => {
  it('are two rollbacks to the same good revision, and a third time is no loop (D9)', async () => {
    const app = await lockstep.app('back-twice', {
      'web.yaml': deployment('web'),
      'settings.yaml': configMap('settings', { color: 'blue' }),
    });
    await app.ready();
    const good = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web'), app.ref('v1', 'ConfigMap', 'settings')];
    const before = await picture(lockstep, refs);
    const bad = { 'web.yaml': deployment('web', { image: 'app:missing' }) };
    const worse = {
      'web.yaml': deployment('web', { image: 'app:broken' }),
      'more.yaml': configMap('more', { a: '1' }),
    };
    app.push(bad);
    await held(app);
    await expectBack(lockstep, app, before, refs, good);
    app.push(worse);
    const second = await held(app);
    await expectBack(lockstep, app, before, refs, good);
    expect(await app.get('v1', 'ConfigMap', 'more')).toBeUndefined();
    expect(objectsAt(second, 'status', 'history').map(({ verdict }) => verdict)).toEqual([
      'RolledBack',
      'RolledBack',
      'Good',
    ]);
    // A-B-A: the first bad content again, in a commit of its own.
    const since = Date.now();
    app.push({ ...bad, 'more.yaml': null });
    await held(app, 'Held');
    expect(app.writes(since)).toEqual([]);
  });
});
