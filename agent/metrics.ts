import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry as MetricRegistry } from 'prom-client';
import { condition } from '../health/kinds/conditions.ts';
import { verdicts } from '../sync/release/record.ts';
import { states } from '../sync/release/standing.ts';
import { healthWords, type KubeObject } from '../sync/types.ts';
import { providers } from '../webhooks/providers/all.ts';
import type { HookResult } from '../webhooks/receive.ts';
import { statusIn } from './delivery-writer.ts';
import type { Registry } from './registry.ts';

/** What the agent counts. No label holds a name that somebody else chose: the number of series is bounded. */
export interface Metrics {
  /** A turn of a Delivery ended, after some seconds. */
  turn(seconds: number, isFailed: boolean): void;
  /** A request to the API server was answered, after some seconds; 0 stands for no answer. */
  apiRequest(method: string, status: number, seconds: number): void;
  /** A watch turned out to have missed events. */
  missed(count: number): void;
  webhook(provider: string, result: HookResult): void;
  /** Says from now on for how many causes verdicts are withheld. */
  withheld(count: () => number): void;
  /** The text that Prometheus reads, and its media type. */
  text(): Promise<{ body: string; type: string }>;
}

/** Every metric, for the reference page. Those of the process itself come from prom-client. */
export const metricsTable = {
  lockstep_deliveries: {
    kind: 'gauge',
    labels: ['state', 'ready', 'health'],
    help: 'Deliveries by state, readiness and health.',
  },
  lockstep_releases_total: { kind: 'counter', labels: ['verdict'], help: 'Releases that ended, by verdict.' },
  lockstep_circuit_open: {
    kind: 'gauge',
    labels: [],
    help: 'Causes that many Deliveries fail by, for which no release is rolled back.',
  },
  lockstep_turn_duration_seconds: { kind: 'histogram', labels: ['result'], help: 'How long turns of the loop take.' },
  lockstep_api_requests_total: {
    kind: 'counter',
    labels: ['method', 'code'],
    help: 'Requests to the API server; code 0 is no answer.',
  },
  lockstep_api_request_duration_seconds: {
    kind: 'histogram',
    labels: ['method'],
    help: 'How long answers of the API server take.',
  },
  lockstep_watch_missed_events_total: {
    kind: 'counter',
    labels: [],
    help: 'Changes that a watch had not told of when everything was read again.',
  },
  lockstep_webhooks_total: {
    kind: 'counter',
    labels: ['provider', 'result'],
    help: 'Webhooks by what became of them.',
  },
  lockstep_event_loop_lag_seconds: {
    kind: 'gauge',
    labels: ['quantile'],
    help: 'How late the event loop was since the last look.',
  },
} as const satisfies Record<string, { kind: string; labels: readonly string[]; help: string }>;

/** Milliseconds between two looks at the event loop: what was measured is longer by this. */
const resolution = 50;
const buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];
const methods = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** @param registry the Deliveries that are served; counted when somebody asks */
export function createMetrics(registry: Registry): Metrics {
  const all = new MetricRegistry();
  // Its own look at the event loop is dear and says the same as ours.
  collectDefaultMetrics({ register: all, eventLoopMonitoringPrecision: 1_000 });
  const about = (name: keyof typeof metricsTable) => {
    const { labels, help } = metricsTable[name];
    return { name, help, labelNames: [...labels], registers: [all] };
  };
  const turns = new Histogram({ ...about('lockstep_turn_duration_seconds'), buckets });
  const requests = new Counter(about('lockstep_api_requests_total'));
  const durations = new Histogram({ ...about('lockstep_api_request_duration_seconds'), buckets });
  const missed = new Counter(about('lockstep_watch_missed_events_total'));
  const webhooks = new Counter(about('lockstep_webhooks_total'));
  new Gauge({
    ...about('lockstep_deliveries'),
    collect() {
      this.reset();
      for (const { object } of registry.all()) this.inc(labelsOf(object));
    },
  });
  countReleases(registry, new Counter(about('lockstep_releases_total')));
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  new Gauge({
    ...about('lockstep_event_loop_lag_seconds'),
    collect() {
      for (const quantile of [50, 99, 100])
        this.set(
          { quantile: String(quantile / 100) },
          Math.max(0, delay.percentile(quantile) / 1e9 - resolution / 1000),
        );
      delay.reset();
    },
  });
  return {
    turn: (seconds, isFailed) => turns.observe({ result: isFailed ? 'error' : 'ok' }, seconds),
    apiRequest: (method, status, seconds) => {
      const label = methods.has(method) ? method : 'other';
      requests.inc({ method: label, code: String(status) });
      durations.observe({ method: label }, seconds);
    },
    missed: (count) => missed.inc(count),
    withheld: (count) =>
      void new Gauge({
        ...about('lockstep_circuit_open'),
        collect() {
          this.set(count());
        },
      }),
    webhook: (provider, result) => webhooks.inc({ provider: providers.has(provider) ? provider : 'other', result }),
    text: async () => ({ body: await all.metrics(), type: all.contentType }),
  };
}

/** A word, if it is one of those that are known: a status can be written by others too. */
function known(word: string | undefined, words: readonly string[]): string {
  return word !== undefined && words.includes(word) ? word : 'Unknown';
}

function labelsOf(object: KubeObject): Record<string, string> {
  return {
    state: known(statusIn(object).state, Object.keys(states)),
    ready: known(condition(object, 'Ready')?.status, ['True', 'False']),
    health: known(condition(object, 'Healthy')?.reason, healthWords),
  };
}

/** Counts what stands in a history for the first time since the Delivery was seen. */
function countReleases(registry: Registry, counter: Counter): void {
  const seen = new Map<string, ReadonlySet<string>>();
  registry.subscribe(({ type, object }) => {
    const { uid = '' } = object.metadata;
    if (type === 'deleted') return void seen.delete(uid);
    const lines = (statusIn(object).history ?? []).map(({ sequence, verdict }) => `${sequence} ${verdict}`);
    const before = seen.get(uid);
    for (const line of lines)
      if (before?.has(line) === false) counter.inc({ verdict: known(line.split(' ')[1], verdicts) });
    seen.set(uid, new Set(lines));
  });
}
