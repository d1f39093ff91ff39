import { expect, it } from 'vitest';
import { at, objectsAt, textAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['new-applying', 'new-verifying', 'new-back', 'new-revert', 'new-union']);

const slow = { pod: { 'ready-after': '60s' } };

describeOnOwnCluster('a commit that comes while a release is under way', () => {
  it('takes over between two waves, and does not wait for the health of the old one', async () => {
    const second = '  annotations: {lockstep.dev/wave: "1"}\n';
    const app = await lockstep.app('new-applying', { 'web.yaml': deployment('web') });
    await app.ready();
    app.push({
      'web.yaml': deployment('web', { image: 'app:2', ...slow }),
      'next.yaml': configMap('next', { of: 'old' }, second),
    });
    await until('the first wave is applied', async () =>
      JSON.stringify(await app.get('apps/v1', 'Deployment', 'web')).includes('app:2'),
    );
    const old = app.revision;
    const since = Date.now();
    app.push({
      'web.yaml': deployment('web', { image: 'app:3' }),
      'next.yaml': configMap('next', { of: 'new' }, second),
    });
    const status = await app.ready(20_000);
    expect(Date.now() - since).toBeLessThan(15_000);
    expect(textAt(await app.get('v1', 'ConfigMap', 'next'), 'data', 'of')).toBe('new');
    const history = objectsAt(status, 'status', 'history');
    expect(history.map(({ verdict }) => verdict)).toEqual(['Good', 'Superseded', 'Good']);
    expect(history[1]?.['revision']).toBe(old);
  });

  it('while it is verified: the way back still leads to the old good revision', async () => {
    const app = await lockstep.app('new-verifying', { 'web.yaml': deployment('web') });
    await app.ready();
    const good = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web')];
    const before = await picture(lockstep, refs);
    app.push({
      'web.yaml': deployment('web', { image: 'app:2', ...slow }),
      'first.yaml': configMap('first', { a: '1' }),
    });
    await until('it is verified', async () => textAt(await app.status(), 'status', 'state') === 'Verifying');
    app.push({
      'web.yaml': deployment('web', { image: 'app:missing' }),
      'first.yaml': null,
      'second.yaml': configMap('second', { a: '1' }),
    });
    await held(app);
    await expectBack(lockstep, app, before, refs, good);
    // What the superseded release created goes too.
    expect(await app.get('v1', 'ConfigMap', 'first')).toBeUndefined();
    expect(await app.get('v1', 'ConfigMap', 'second')).toBeUndefined();
  });

  it('while it is rolled back: good is applied to the end, then the new commit goes forward (D9)', async () => {
    const app = await lockstep.app('new-back', {
      'web.yaml': deployment('web', { replicas: 2, pod: { 'ready-after': '1s' } }),
      'settings.yaml': configMap('settings', { color: 'blue' }),
    });
    await app.ready();
    app.push({
      'web.yaml': deployment('web', { replicas: 2, image: 'app:missing' }),
      'settings.yaml': configMap('settings', { color: 'red' }),
    });
    const bad = app.revision;
    await until('it goes back', async () => /^Roll/.test(textAt(await app.status(), 'status', 'state') ?? ''));
    app.push({
      'web.yaml': deployment('web', { replicas: 2, image: 'app:4' }),
      'settings.yaml': configMap('settings', { color: 'green' }),
    });
    const status = await app.ready(30_000);
    expect(textAt(await app.get('v1', 'ConfigMap', 'settings'), 'data', 'color')).toBe('green');
    // Made, made bad, brought back, made anew: each a generation of its own.
    expect(at(await app.get('apps/v1', 'Deployment', 'web'), 'metadata', 'generation')).toBe(4);
    const line = objectsAt(status, 'status', 'history').find(({ revision }) => revision === bad);
    expect(line?.['verdict']).toBe('RolledBack');
  });

  it('and is a revert: the release goes back to good at once, and is not taken for nothing to do', async () => {
    const files = { 'web.yaml': deployment('web'), 'settings.yaml': configMap('settings', { color: 'blue' }) };
    const app = await lockstep.app('new-revert', files);
    await app.ready();
    const good = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web'), app.ref('v1', 'ConfigMap', 'settings')];
    const before = await picture(lockstep, refs);
    app.push({
      'web.yaml': deployment('web', { image: 'app:2', ...slow }),
      'settings.yaml': configMap('settings', { color: 'red' }),
      'more.yaml': configMap('more', { a: '1' }),
    });
    await until('it is verified', async () => textAt(await app.status(), 'status', 'state') === 'Verifying');
    app.push({ ...files, 'more.yaml': null }, 'revert');
    const status = await app.ready(20_000);
    expect(Object.fromEntries(await picture(lockstep, refs))).toEqual(Object.fromEntries(before));
    expect(await app.get('v1', 'ConfigMap', 'more')).toBeUndefined();
    expect(textAt(status, 'status', 'revision', 'good')).toBe(app.revision);
    expect(app.revision).not.toBe(good);
    expect(at(status, 'status', 'hold')).toBeUndefined();
    expect(objectsAt(status, 'status', 'history').map(({ verdict }) => verdict)).toEqual(['Superseded', 'Good']);
  });

  it('prunes in the end what any of them left', async () => {
    const app = await lockstep.app('new-union', {
      'web.yaml': deployment('web'),
      'old.yaml': configMap('old', { a: '1' }),
    });
    await app.ready();
    app.push({
      'web.yaml': deployment('web', { image: 'app:2', ...slow }),
      'old.yaml': null,
      'passing.yaml': configMap('passing', { a: '1' }),
    });
    await until('it is verified', async () => textAt(await app.status(), 'status', 'state') === 'Verifying');
    app.push({ 'web.yaml': deployment('web', { image: 'app:3' }), 'passing.yaml': null });
    await app.ready(20_000);
    expect(await app.get('v1', 'ConfigMap', 'old')).toBeUndefined();
    expect(await app.get('v1', 'ConfigMap', 'passing')).toBeUndefined();
  });
});
