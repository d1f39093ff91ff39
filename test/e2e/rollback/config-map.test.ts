import { expect, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['back-config', 'back-sealed']);

describeOnOwnCluster('a bad commit that changes a ConfigMap', () => {
  it('brings its old content back, in the same object', async () => {
    const app = await lockstep.app('back-config', {
      'web.yaml': deployment('web'),
      'settings.yaml': configMap('settings', { color: 'blue', old: 'yes' }),
    });
    await app.ready();
    const good = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web'), app.ref('v1', 'ConfigMap', 'settings')];
    const before = await picture(lockstep, refs);
    app.push({
      'web.yaml': deployment('web', { image: 'app:missing' }),
      'settings.yaml': configMap('settings', { color: 'red', added: 'yes' }),
    });
    await held(app);
    await expectBack(lockstep, app, before, refs, good);
  });

  it('undoes immutable: true by a delete and a create, the one way there is', async () => {
    const app = await lockstep.app('back-sealed', {
      'web.yaml': deployment('web'),
      'settings.yaml': configMap('settings', { color: 'blue' }),
    });
    await app.ready();
    const before = await app.get('v1', 'ConfigMap', 'settings');
    app.push({
      'web.yaml': deployment('web', { image: 'app:missing' }),
      'settings.yaml': `${configMap('settings', { color: 'red' })}immutable: true\n`,
    });
    await held(app);
    const after = await app.get('v1', 'ConfigMap', 'settings');
    expect(textAt(after, 'data', 'color')).toBe('blue');
    expect(after?.['immutable']).toBeUndefined();
    expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
  });
});
