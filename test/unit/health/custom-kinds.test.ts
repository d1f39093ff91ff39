import { describe, expect, it } from 'vitest';
import { customKinds, hitRate } from '../../health-page.ts';

/** Kinds that have no such state: nothing in their status could tell of it. */
const without: Readonly<Record<string, string>> = {
  'CronWorkflow Progressing': 'it waits for its time, which is what it is for',
  'AuthorizationPolicy Progressing': 'it is accepted or not',
  'ServiceMonitor Progressing': 'it is accepted or not',
  'Pooler Degraded': 'it only counts its instances',
  'ClusterPolicy Degraded': 'a wrong policy is never let in',
  'OpenTelemetryCollector Degraded': 'it only counts its replicas',
};

describe('custom kinds', () => {
  const kinds = customKinds();

  it('are at least 60 of at least 20 projects, each with a progressing, a healthy and a failed object', () => {
    expect(kinds.length).toBeGreaterThanOrEqual(60);
    expect(new Set(kinds.map(({ project }) => project)).size).toBeGreaterThanOrEqual(20);
    const missing = kinds.flatMap(({ kind, cases }) =>
      ['Progressing', 'Healthy', 'Degraded']
        .filter((word) => !cases.some(({ expect: { status } }) => status === word))
        .map((word) => `${kind} ${word}`),
    );
    expect(missing.sort()).toEqual(Object.keys(without).sort());
  });

  it('are told by convention alone, without a rule for the kind, in most cases', () => {
    const { right, of, kinds: wholly } = hitRate(kinds);
    const rate = (100 * right) / of;
    process.stdout.write(
      `health: the convention alone is right for ${right} of ${of} custom objects (${rate.toFixed(1)} %), and for all of ${wholly} of ${kinds.length} kinds\n`,
    );
    expect(rate).toBeGreaterThan(85);
  });

  it('fail with a message that says more than that they failed', () => {
    const mute = kinds.flatMap(({ cases }) =>
      cases.filter(({ expect: { status, message } }) => status === 'Degraded' && message === undefined),
    );
    expect(mute.map(({ title }) => title)).toEqual([]);
  });
});
