import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { numberAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { until } from '../e2e/support/kube.ts';
import { deployment, describeOnOwnCluster } from '../e2e/support/lockstep.ts';
import { podWith, setPodStatus } from '../e2e/support/pods.ts';
import { useFaultyWay } from './way.ts';

const { lockstep, way } = useFaultyWay(['outage-app']);

describeOnOwnCluster('an API server that is away for longer than a lease, and than the deadline of a wave', () => {
  it('fails no release: the time that it was away counts against nothing', async () => {
    const health = { deadline: '12s', steady: '500ms' };
    const app = await lockstep.app('outage-app', { 'web.yaml': deployment('web') }, { health });
    await app.ready();
    app.push({ 'web.yaml': deployment('web', { image: 'app:2', pod: { pod: 'nothing-happens' } }) });
    const pod = await podWith(lockstep.kube, app.namespace, 'app:2');
    way.fault = (_incoming, outgoing) => {
      outgoing.destroy();
      return true;
    };
    // What can't renew its lease ends, and is started again, as a kubelet does; it waits for the API server.
    await lockstep.agent.gone;
    const again = lockstep.restart();
    await sleep(10_000);
    way.fault = () => undefined;
    await again;
    await sleep(3_000);
    const status = await app.status();
    expect(textAt(status, 'status', 'state')).toBe('Verifying');
    expect(condition(status, 'Ready')?.reason).toBe('Progressing');
    const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
      type,
      status: 'True',
    }));
    await setPodStatus(lockstep.kube, pod, { phase: 'Running', conditions });
    await until('it is available', async () => {
      const live = await app.get('apps/v1', 'Deployment', 'web');
      return numberAt(live, 'status', 'availableReplicas') === 1;
    });
    await app.ready(30_000);
  });
});
