import { expect, it } from 'vitest';
import { numberAt } from '../../../diff/json.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, holdMessage, picture, speedOf } from '../support/rollback.ts';

const lockstep = useLockstep(['back-image']);

describeOnOwnCluster('a commit with a bad image', () => {
  it('comes back by itself, with the cause, while the old pods serve all along', async () => {
    const app = await lockstep.app('back-image', {
      'web.yaml': deployment('web', { replicas: 3 }),
      'settings.yaml': configMap('settings', { color: 'blue' }),
    });
    await app.ready();
    const good = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web'), app.ref('v1', 'ConfigMap', 'settings')];
    const before = await picture(lockstep, refs);
    const since = Date.now();
    let fewest = 3;
    const watching = setInterval(async () => {
      const live = await app.get('apps/v1', 'Deployment', 'web');
      fewest = Math.min(fewest, numberAt(live, 'status', 'availableReplicas') ?? 0);
    }, 50);
    app.push({ 'web.yaml': deployment('web', { replicas: 3, image: 'app:missing' }) }, 'a typo');
    const status = await held(app);
    clearInterval(watching);
    expect(holdMessage(status)).toMatch(
      /^Deployment back-image\/web: pod web-\S+: container main: ErrImagePull: .*app:missing.*not found$/,
    );
    await expectBack(lockstep, app, before, refs, good);
    // The rolling update keeps three quarters, rounded up.
    expect(fewest).toBeGreaterThanOrEqual(3);
    const speed = speedOf(app, since);
    console.log('bad image', speed, Date.now() - since);
    expect(speed.reaction).toBeLessThan(500);
    expect(speed.written).toBeLessThan(5_000);
  });
});
