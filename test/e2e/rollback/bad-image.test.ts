import { expect, it } from 'vitest';
import { numberAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, holdMessage, picture } from '../support/rollback.ts';
import { timeRollback } from '../support/speed.ts';

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
    const stopwatch = timeRollback(lockstep.kube, app, 'second pull');
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
    await until('good is live', async () => stopwatch.isOver());
    const { reaction, live } = stopwatch.stop();
    expect(reaction).toBeLessThan(500);
    expect(live).toBeLessThan(5_000);
  });
});
