import { setTimeout as sleep } from 'node:timers/promises';
import { numberAt, objectsAt, toJson } from '../../diff/json.ts';
import { inParallel } from '../../sync/parallel.ts';
import { renderPlain } from '../../sync/render/plain.ts';
import type { KubeObject } from '../../sync/types.ts';
import { call } from '../e2e/support/api.ts';
import { readAudit, writes } from '../e2e/support/audit.ts';
import { makeNamespace } from '../e2e/support/furnish.ts';
import { until } from '../e2e/support/kube.ts';
import { type Figure, figureOf, say } from './figure.ts';
import { deliver, filesOf, good, headOf, makeApp, memoryOf, type Stage, startBundle } from './stage.ts';

/** The goals of one size. */
export interface SizeGoals {
  readonly sync: string;
  readonly memory: string;
}

/** How many requests the bare loop has in flight: as many as the agent has for one Delivery. */
const inFlight = 24;

/**
 * The first sync of an application, from the moment when its Delivery is made to the answer to the last apply; the memory of the agent
 * that did it, at rest and at most; and how late its event loop was meanwhile.
 */
export async function firstSync(stage: Stage, size: number, goals: SizeGoals): Promise<Figure[]> {
  const namespace = `first-sync-${size}`;
  const app = await makeApp(stage, namespace, size);
  const floor = await bareLoop(stage, size);
  await calm(stage, size);
  say(`${namespace}: the bare loop took ${Math.round(floor)} ms`);
  const agent = await startBundle(stage, namespace);
  await lagOf(agent.probes);
  const started = Date.now();
  await deliver(stage, app);
  await good(stage, app, headOf(app), 900_000);
  const lag = await lagOf(agent.probes);
  const applied = writes(readAudit(stage.auditLog, started)).filter((entry) => entry.namespace === namespace);
  const last = applied.reduce((latest, { answered }) => Math.max(latest, answered), 0);
  if (applied.length < size) throw new Error(`${applied.length} applies of ${size} objects`);
  await sleep(15_000);
  const { rest, peak } = memoryOf(agent);
  await agent.stop();
  return [
    figureOf(`first-sync-${size}`, 'ms', goals.sync, [last - started], floor),
    figureOf(`memory-${size}-rest`, 'MiB', goals.memory, [rest]),
    figureOf(`memory-${size}-peak`, 'MiB', goals.memory, [peak]),
    figureOf(`loop-lag-${size}`, 'ms', 'p99 <= 50', [lag * 1000]),
  ];
}

/** Waits until the controllers have seen what the bare loop made: they would work beside what is measured next. */
async function calm({ kube }: Stage, size: number): Promise<void> {
  const path = `/apis/apps/v1/namespaces/bare-${size}/deployments`;
  const isSeen = async (): Promise<boolean> => {
    const { body } = await kube.http.request({ method: 'GET', path });
    return objectsAt(body, 'items').every((one) => numberAt(one, 'status', 'observedGeneration') !== undefined);
  };
  await until('the controllers are idle', isSeen, 600_000);
}

/** The floor: the same dry-runs and the same applies, over the same connections, without anything else. */
async function bareLoop({ kube }: Stage, size: number): Promise<number> {
  const namespace = `bare-${size}`;
  await makeNamespace(kube, namespace);
  const files = Object.entries(filesOf(size)).map(([path, text]) => ({
    path,
    oid: path,
    type: 'file' as const,
    read: () => Buffer.from(text),
  }));
  const objects = renderPlain(files).objects.map(({ object }) => object);
  const started = performance.now();
  for (const dryRun of [true, false])
    await inParallel(objects, inFlight, (object) => apply(kube.http, namespace, object, dryRun));
  return performance.now() - started;
}

function apply(http: Stage['kube']['http'], namespace: string, object: KubeObject, dryRun: boolean): Promise<unknown> {
  const { kind, metadata } = object;
  const collection =
    kind === 'Deployment'
      ? `/apis/apps/v1/namespaces/${namespace}/deployments`
      : `/api/v1/namespaces/${namespace}/configmaps`;
  return http.request({
    method: 'PATCH',
    path: `${collection}/${metadata.name}`,
    query: { fieldManager: 'bare', force: 'false', ...(dryRun ? { dryRun: 'All' } : {}) },
    contentType: 'application/apply-patch+yaml',
    body: toJson({ ...object, metadata: { ...metadata, namespace } }),
  });
}

/** Seconds by which the event loop was late, 99 of 100 times, since this was asked last. */
async function lagOf(probes: string): Promise<number> {
  const { body } = await call(`${probes}/metrics`);
  return Number(/^lockstep_event_loop_lag_seconds\{quantile="0.99"\} (\S+)/m.exec(body)?.[1]);
}
