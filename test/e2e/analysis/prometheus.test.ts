import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { mayMeasureBy } from '../support/limits.ts';
import { type App, configMap, deployment, useLockstep } from '../support/lockstep.ts';
import { hasPrometheus, type PrometheusServer, startPrometheus } from '../support/prometheus.ts';
import { expectBack, held, holdMessage, picture } from '../support/rollback.ts';

const limits = 'analysis-prometheus-limits';
const lockstep = useLockstep(['metrics-fail', 'metrics-pass', 'metrics-pause', 'metrics-down'], {
  flags: ['--limits', limits],
});
let prometheus: PrometheusServer;
beforeAll(async () => {
  if (!hasPrometheus) return;
  prometheus = await startPrometheus();
  await mayMeasureBy(lockstep.kube, limits, prometheus.url);
});
afterAll(() => prometheus?.close());

/** An app whose releases are measured by the rate of errors that the exporter tells. */
function measured(namespace: string, more: object = {}): Promise<App> {
  const errors = {
    name: 'errors',
    prometheus: { address: prometheus.url, query: 'shop_errors / shop_requests' },
    successCondition: 'value < 0.05',
    failureCondition: 'value > 0.2',
    interval: '1s',
    count: 2,
    ...more,
  };
  return lockstep.app(
    namespace,
    { 'web.yaml': deployment('web'), 'settings.yaml': configMap('settings', { color: 'red' }) },
    { health: { steady: '500ms', analysis: [errors] }, rollback: { probation: '0s' } },
  );
}

const changed = {
  'web.yaml': deployment('web', { image: 'app:2' }),
  'settings.yaml': configMap('settings', { color: 'blue' }),
};

/** Waits until the exporter's word has come through to queries. */
async function exported(errors: number, requests: number): Promise<void> {
  prometheus.export({ shop_errors: errors, shop_requests: requests });
  await until('Prometheus has scraped it', async () => {
    const answer = await fetch(`${prometheus.url}/api/v1/query?query=shop_errors`);
    const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
    return Number(data.result[0]?.value[1] ?? Number.NaN) === errors;
  });
}

const state = async (app: App) => textAt(await app.status(), 'status', 'state');

/** Waits for a state; answers what the condition Ready says then. */
function inState(app: App, wanted: string): Promise<string> {
  return until(`${app.namespace} is ${wanted}`, async () => {
    const object = await app.status();
    if (textAt(object, 'status', 'state') !== wanted) return undefined;
    return JSON.stringify(object['status']);
  });
}

describe.skipIf(!hasPrometheus || inject('auditLog') === '')('a release that Prometheus judges', () => {
  it('is good when its metrics are, and says what they were', async () => {
    await exported(0, 100);
    const app = await measured('metrics-pass');
    await app.ready();
    app.push(changed);
    const status = await app.ready();
    expect(status['status']).toMatchObject({
      analysis: [{ name: 'errors', message: 'analysis errors: 0; 2 successful of 2' }],
    });
  });

  it('is taken back when they are bad, with the figure as the cause', async () => {
    await exported(0, 100);
    const app = await measured('metrics-fail');
    await app.ready();
    const refs = [app.ref('apps/v1', 'Deployment', 'web'), app.ref('v1', 'ConfigMap', 'settings')];
    const before = await picture(lockstep, refs);
    const good = app.revision;
    await exported(31, 100);
    app.push(changed);
    const status = await held(app);
    expect(holdMessage(status)).toBe('analysis errors: 0.31: value > 0.2; 1 failed of 2');
    await expectBack(lockstep, app, before, refs, good);
  });

  it('is paused when they say neither, until somebody decides', async () => {
    await exported(0, 100);
    const app = await measured('metrics-pause');
    await app.ready();
    await exported(10, 100);
    app.push(changed);
    const said = await inState(app, 'Paused');
    expect(said).toContain('analysis errors: 0.1: neither value < 0.05 nor value > 0.2');
    expect(await app.refused('AnalysisInconclusive')).toContain('request resume');
    await app.request('accept@1 by=ada');
    await app.ready();
  });

  it('is neither good nor bad while Prometheus is not there, and goes on when it is', async () => {
    await exported(0, 100);
    const app = await measured('metrics-down', { consecutiveErrorLimit: 1 });
    await app.ready();
    const good = app.revision;
    await prometheus.kill();
    app.push(changed);
    const said = await inState(app, 'Paused');
    expect(said).toContain('can not be reached (ECONNREFUSED)');
    expect(textAt(await app.status(), 'status', 'revision', 'good')).toBe(good);
    // Who only reads sees that it will go on by itself.
    expect(said).toContain('it goes on when that can be measured');
    await prometheus.start();
    await exported(0, 100);
    await app.ready(60_000);
    expect(await state(app)).toBe('Synced');
  });
});
