import { setTimeout as sleep } from 'node:timers/promises';
import { at, type JsonObject, numberAt, textAt } from '../../diff/json.ts';
import type { Measurement } from '../../health/analysis.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { LockstepError } from '../../sync/errors.ts';
import { type Limits, limitProblems } from '../../sync/limits.ts';
import type { Cluster, Measuring } from '../../sync/ports.ts';
import { fieldManager, shortUid } from '../../sync/stamp.ts';
import { type KubeObject, keyOf, refOf, titleOf } from '../../sync/types.ts';

/** How often a Job is looked at, and how long one that has ended stays to be looked into: milliseconds, and seconds. */
const [look, lifetime] = [1_000, 600];
/** How much later than its own deadline a Job is given up that nothing ends, such as one that is suspended: milliseconds. */
const grace = 60_000;

/**
 * The Job of a measurement. Its name is always the same for one measurement of one release, so that it runs once, whatever
 * becomes of the agent meanwhile; when it has ended it goes by itself.
 */
function jobOf({ delivery, metric, release, index }: Measuring, spec: JsonObject): KubeObject {
  const name = `${metric.name}-${shortUid(delivery.uid)}-${release}-${index}`;
  const seconds = Math.ceil(metric.check.timeout / 1000);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: delivery.targetNamespace, labels: { 'app.kubernetes.io/managed-by': 'lockstep' } },
    spec: {
      backoffLimit: 0,
      ...spec,
      // It stays until somebody has seen how it ended.
      ttlSecondsAfterFinished: Math.max(lifetime, numberAt(spec, 'ttlSecondsAfterFinished') ?? lifetime),
      activeDeadlineSeconds: Math.min(seconds, numberAt(spec, 'activeDeadlineSeconds') ?? seconds),
    },
  };
}

/**
 * Runs a Job, and waits for its end. One that nobody waits for any more is deleted.
 * @throws ApiError, LockstepError NotAllowed
 */
export async function runJob(
  cluster: Cluster,
  limits: Limits,
  asked: Measuring,
  spec: JsonObject,
  agentNamespace: string,
  signal: AbortSignal,
): Promise<Measurement> {
  const job = jobOf(asked, spec);
  const [problem] = limitProblems(
    [{ key: keyOf(refOf(job)), manifest: job, hash: '' }],
    limits,
    asked.delivery.namespace,
    asked.delivery.kubeconfig === undefined ? agentNamespace : undefined,
  );
  if (problem !== undefined) throw new LockstepError('NotAllowed', problem.message);
  const manager = fieldManager(asked.delivery.uid);
  let live: KubeObject | undefined =
    (await cluster.get(refOf(job))) ?? (await cluster.apply(job, { manager, force: false, dryRun: false })).object;
  const title = titleOf(refOf(job));
  const until = createdAt(live) + asked.metric.check.timeout + grace;
  let hasRun = false;
  while (live !== undefined) {
    hasRun ||= (numberAt(live, 'status', 'ready') ?? 0) > 0;
    const end = endOf(live, title, hasRun);
    if (end !== undefined) return end;
    const isLate = Date.now() > until;
    if (signal.aborted || isLate) {
      await cluster.delete(refOf(job), live, 'Foreground');
      return { outcome: 'Error', message: isLate ? `${title} did not end in time` : `${title} was ended` };
    }
    if (at(live, 'metadata', 'deletionTimestamp') !== undefined) break;
    // An agent that ends leaves it to the next one.
    await sleep(look, undefined, { signal, ref: false }).catch(() => undefined);
    live = await cluster.get(refOf(job));
  }
  return { outcome: 'Error', message: `${title} was deleted before it ended` };
}

function createdAt(job: KubeObject): number {
  return Date.parse(textAt(job, 'metadata', 'creationTimestamp') ?? '') || Date.now();
}

/** How a Job ended; undefined while it runs. What no pod ever ran for is not what the release does. */
function endOf(job: KubeObject, title: string, hasRun: boolean): Measurement | undefined {
  if (condition(job, 'Complete')?.status === 'True') return { outcome: 'Successful', message: `${title} completed` };
  const failed = condition(job, 'Failed');
  if (failed?.status !== 'True') return undefined;
  if (failed.reason === 'DeadlineExceeded' && !hasRun)
    return { outcome: 'Error', message: `${title} never got a pod that runs` };
  return { outcome: 'Failed', message: `${title} failed: ${failed.reason ?? ''} ${failed.message ?? ''}`.trim() };
}
