import { expect, inject, it } from 'vitest';
import { agentRequests, readAudit } from './support/audit.ts';
import { deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['verify-hundreds']);
const count = 500;
const names = Array.from({ length: count }, (_one, index) => `web-${index}`);
const files = (image: string, pod = {}) =>
  Object.fromEntries(names.map((name) => [`app/${name}.yaml`, deployment(name, { image, pod })]));

/** How late the loop of the agent is, at the 99th percentile since the last look, in milliseconds. */
async function loopLag(): Promise<number> {
  const metrics = await (await fetch(`${lockstep.agent.probes}/metrics`)).text();
  return Number(/^lockstep_event_loop_lag_seconds\{quantile="0.99"\} (\S+)/m.exec(metrics)?.[1]) * 1_000;
}

describeOnOwnCluster('500 workloads', () => {
  it('are verified at once by watches alone, and the loop of the agent keeps time', async () => {
    const app = await lockstep.app('verify-hundreds', files('app:1'), { source: { path: 'app' } });
    await app.ready(120_000);
    const since = Date.now();
    await loopLag();
    // They are waited for long enough to see what that costs.
    app.push(files('app:2', { 'ready-after': '8s' }));
    await app.ready(120_000);
    const lag = await loopLag();
    const sent = agentRequests(readAudit(inject('auditLog'), since));
    const applied = sent.filter(
      ({ verb, resource, dryRun }) => verb === 'patch' && resource === 'deployments' && !dryRun,
    );
    expect(new Set(applied.map(({ name }) => name)).size).toBe(count);
    const last = Math.max(...applied.map(({ answered }) => answered));
    // From the last apply to Ready: no object is read but the record and the account, and lists are those with which watches of pods and Events begin.
    const verifying = sent.filter(({ time }) => time > last);
    const own = new Set(['secrets', 'serviceaccounts']);
    const reads = verifying.filter(({ verb, resource }) => verb === 'get' && !own.has(resource));
    expect(reads.map(({ uri }) => uri)).toEqual([]);
    const lists = verifying
      .filter(({ verb }) => verb === 'list')
      .map(({ uri }) => uri.replace(/&(?:limit|resourceVersion)[^&]*/g, ''));
    console.log(
      `500 workloads: ${verifying.length} requests while verified, ${lists.length} of them lists; loop lag p99 ${lag.toFixed(1)} ms`,
    );
    // Never the same one twice: that would be polling.
    expect(lists).toEqual([...new Set(lists)]);
    expect(lag).toBeLessThanOrEqual(50);
  }, 280_000);
});
