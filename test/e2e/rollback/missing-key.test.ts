import { expect, it } from 'vitest';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, holdMessage, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['back-key', 'back-needed']);

const using = (key: string, version: string): string =>
  deployment('web', { image: `app:${version}` }).replace(
    '          ports:',
    `          env: [{name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: ${key}}}}]\n          ports:`,
  );

describeOnOwnCluster('a commit that takes away what its pods need', () => {
  it('comes back at once: a key that the new pods refer to, and that this commit took out of a ConfigMap', async () => {
    const app = await lockstep.app('back-key', {
      'web.yaml': using('color', '1'),
      'settings.yaml': configMap('settings', { color: 'blue', size: 'big' }),
    });
    await app.ready();
    const good = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web'), app.ref('v1', 'ConfigMap', 'settings')];
    const before = await picture(lockstep, refs);
    const since = Date.now();
    app.push({ 'web.yaml': using('color', '2'), 'settings.yaml': configMap('settings', { size: 'big' }) });
    const message = holdMessage(await held(app));
    expect(message).toMatch(/^Deployment back-key\/web: pod web-\S+: container main: CreateContainerConfigError: /);
    expect(message).toContain("couldn't find key color in ConfigMap back-key/settings");
    await expectBack(lockstep, app, before, refs, good);
    // A key that somebody else may still bring is waited for for 15 s.
    expect(Date.now() - since).toBeLessThan(12_000);
  });

  it('is refused before anything is touched: a ConfigMap that left Git while pods still need it', async () => {
    const app = await lockstep.app('back-needed', {
      'web.yaml': using('color', '1'),
      'settings.yaml': configMap('settings', { color: 'blue' }),
      'other.yaml': configMap('other', { a: '1' }),
    });
    await app.ready();
    const since = Date.now();
    app.push({ 'settings.yaml': null, 'other.yaml': configMap('other', { a: '2' }) });
    await held(app, 'InvalidManifests');
    expect(holdMessage(await app.status())).toBe(
      'Deployment back-needed/web still needs the ConfigMap settings, which this revision no longer has',
    );
    expect(app.writes(since)).toEqual([]);
  });
});
