import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { until } from '../e2e/support/kube.ts';
import { configMap, describeOnOwnCluster, useLockstep } from '../e2e/support/lockstep.ts';

const lockstep = useLockstep(['two-agents']);

describeOnOwnCluster('two agents', () => {
  it('of which one sleeps longer than its lease: the other takes over, and the sleeper writes nothing any more', async () => {
    const app = await lockstep.app('two-agents', { 'a.yaml': configMap('a', { of: 'first' }) });
    await app.ready();
    const sleeper = lockstep.agent;
    const other = lockstep.another();
    await sleep(3_000);
    process.kill(sleeper.pid, 'SIGSTOP');
    const next = await other;
    lockstep.agent = next;
    app.push({ 'a.yaml': configMap('a', { of: 'second' }) });
    await app.ready(30_000);
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { of: 'hand' } });
    await until(
      'the new leader heals',
      async () => textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'of') === 'second',
    );
    const since = Date.now();
    process.kill(sleeper.pid, 'SIGCONT');
    await sleeper.gone;
    expect(sleeper.output()).toContain('the agent does not lead any more');
    await sleep(1_000);
    expect(app.writes(since)).toEqual([]);
    await sleeper.stop();
  });
});
