import { expect, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, holdMessage, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['back-config', 'back-sealed', 'forward-sealed']);

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

  it('is rejected where the ConfigMap is immutable by now; to make it so is no trouble', async () => {
    const sealed = (color: string): string => `${configMap('settings', { color })}immutable: true\n`;
    const app = await lockstep.app('forward-sealed', { 'settings.yaml': configMap('settings', { color: 'blue' }) });
    await app.ready();
    app.push({ 'settings.yaml': sealed('red') });
    await app.ready();
    expect(await app.get('v1', 'ConfigMap', 'settings')).toMatchObject({ immutable: true, data: { color: 'red' } });
    const since = Date.now();
    app.push({ 'settings.yaml': sealed('green') });
    expect(holdMessage(await held(app, 'ApplyRefused'))).toContain('field is immutable when `immutable` is set');
    expect(app.writes(since)).toEqual([]);
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
