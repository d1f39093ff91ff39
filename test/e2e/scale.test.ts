import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { parallelRequests } from '../../sync/release/write.ts';
import { type AuditEntry, agentRequests, readAudit } from './support/audit.ts';
import { configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['scale-thousands']);

/** How many requests were under way together. */
function mostAtOnce(entries: readonly AuditEntry[]): number {
  const ends = [
    ...entries.map(({ time }) => ({ time, step: 1 })),
    // Who ends makes room for who begins in the same millisecond.
    ...entries.map(({ answered }) => ({ time: answered, step: -1 })),
  ].sort((a, b) => a.time - b.time || a.step - b.step);
  let now = 0;
  return ends.reduce((most, { step }) => {
    now += step;
    return Math.max(most, now);
  }, 0);
}

describeOnOwnCluster('5,000 objects', () => {
  it('are applied a bounded number at once, cost at most 8 requests for one change, and none while nothing changes', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, i) => [`app/${i % 10}/m${i}.yaml`, configMap(`m${i}`, { index: String(i) })]),
    );
    const started = performance.now();
    const begun = Date.now();
    const app = await lockstep.app('scale-thousands', files, { source: { path: 'app' } });
    await app.ready(110_000);
    console.log(
      `first sync of 5,000 objects: ${Math.round(performance.now() - started)} ms, ${Math.round(lockstep.agent.rss())} MiB`,
    );
    const applies = app.writes(begun).filter(({ verb, resource }) => verb === 'patch' && resource === 'configmaps');
    expect(new Set(applies.map(({ name }) => name)).size).toBe(5_000);
    expect(applies).toHaveLength(5_000);
    const most = mostAtOnce(applies);
    expect(most).toBeLessThanOrEqual(parallelRequests);
    expect(most).toBeGreaterThan(parallelRequests / 4);
    await sleep(1_500);

    const quiet = Date.now();
    await sleep(3_000);
    expect(agentRequests(readAudit(inject('auditLog'), quiet))).toEqual([]);

    const since = Date.now();
    const pushed = performance.now();
    app.push({ 'app/7/m7.yaml': configMap('m7', { index: 'changed' }) });
    await app.ready();
    console.log(
      `one change among 5,000: ${Math.round(performance.now() - pushed)} ms from the push to Ready, at a poll of 1 s`,
    );
    await sleep(500);
    const sent = agentRequests(readAudit(inject('auditLog'), since));
    expect(textAt(await app.get('v1', 'ConfigMap', 'm7'), 'data', 'index')).toBe('changed');
    expect(sent.map((entry) => `${entry.verb} ${entry.resource} ${entry.name}`)).toHaveLength(Math.min(8, sent.length));
    expect(app.writes(since).map((entry) => entry.name)).toEqual(['m7']);
  }, 180_000);
});
