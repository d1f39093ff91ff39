import { expect, it } from 'vitest';
import { until } from '../support/kube.ts';
import { deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, holdMessage, picture } from '../support/rollback.ts';
import { timeRollback } from '../support/speed.ts';

const lockstep = useLockstep(['back-crash', 'back-memory']);

describeOnOwnCluster('a commit whose container crashes', () => {
  it.each([
    ['back-crash', { pod: 'crash-loop', 'exit-code': '3' }, 'exit code 3 (Error), 3 restarts'],
    ['back-memory', { pod: 'oom' }, 'exit code 137 (OOMKilled), 3 restarts'],
  ])('comes back, with exit code and reason: %s', async (namespace, pod, end) => {
    const app = await lockstep.app(namespace, { 'web.yaml': deployment('web', { replicas: 2 }) });
    await app.ready();
    const good = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web')];
    const before = await picture(lockstep, refs);
    const stopwatch = timeRollback(lockstep.kube, app, 'third restart');
    app.push({ 'web.yaml': deployment('web', { replicas: 2, pod }) });
    const message = holdMessage(await held(app));
    expect(message).toMatch(
      new RegExp(`^Deployment ${namespace}/web: pod web-\\S+: container main: CrashLoopBackOff: `),
    );
    expect(message).toContain(end);
    await expectBack(lockstep, app, before, refs, good);
    await until('good is live', async () => stopwatch.isOver());
    const { reaction, live } = stopwatch.stop();
    expect(reaction).toBeLessThan(500);
    expect(live).toBeLessThan(5_000);
  });
});
