import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { agentRequests, readAudit } from './support/audit.ts';
import { configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['scale-thousand']);

describeOnOwnCluster('1,000 objects', () => {
  it('cost at most 8 requests for one change, and none while nothing changes', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, i) => [`app/${i % 10}/m${i}.yaml`, configMap(`m${i}`, { index: String(i) })]),
    );
    const started = performance.now();
    const app = await lockstep.app('scale-thousand', files, { source: { path: 'app' } });
    await app.ready(60_000);
    console.log(
      `first sync of 1,000 objects: ${Math.round(performance.now() - started)} ms, ${Math.round(lockstep.agent.rss())} MiB`,
    );
    await sleep(1_500);

    const quiet = Date.now();
    await sleep(3_000);
    expect(agentRequests(readAudit(inject('auditLog'), quiet))).toEqual([]);

    const since = Date.now();
    const pushed = performance.now();
    app.push({ 'app/7/m7.yaml': configMap('m7', { index: 'changed' }) });
    await app.ready();
    console.log(
      `one change among 1,000: ${Math.round(performance.now() - pushed)} ms from the push to Ready, at a poll of 1 s`,
    );
    await sleep(500);
    const sent = agentRequests(readAudit(inject('auditLog'), since));
    expect(textAt(await app.get('v1', 'ConfigMap', 'm7'), 'data', 'index')).toBe('changed');
    expect(sent.map((entry) => `${entry.verb} ${entry.resource} ${entry.name}`)).toHaveLength(Math.min(8, sent.length));
    expect(app.writes(since).map((entry) => entry.name)).toEqual(['m7']);
  });
});
