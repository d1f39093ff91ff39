import { at, type JsonObject, numberAt, objectsAt, textAt } from '../../diff/json.ts';
import type { Health, KubeObject } from '../../sync/types.ts';
import { degraded, type HealthContext, healthy, progressing } from '../scale.ts';
import { condition, explain } from './conditions.ts';

/** Waiting reasons that a container does not leave without a change to its pod or what it refers to. */
const badWaiting = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

const schedulingPatience = 60_000;

/** A Pod's own health: by phase, then by its containers (init containers and sidecars too), then readiness. */
export function pod(object: KubeObject, context: HealthContext): Health {
  const phase = textAt(object, 'status', 'phase');
  if (phase === 'Succeeded') return healthy('Succeeded');
  if (phase === 'Failed') return degraded(failureReason(object), failureMessage(object));
  const stuck = containerStatuses(object)
    .map(stuckContainer)
    .find((found) => found !== undefined);
  if (stuck !== undefined) return stuck;
  if (phase !== 'Running') return pending(object, context);
  if (condition(object, 'Ready')?.status === 'True') return healthy('Ready');
  return notReady(object);
}

/** The statuses of all containers: init containers, sidecars among them, first. */
export function containerStatuses(object: KubeObject): JsonObject[] {
  return [...objectsAt(object, 'status', 'initContainerStatuses'), ...objectsAt(object, 'status', 'containerStatuses')];
}

function stuckContainer(status: JsonObject): Health | undefined {
  const reason = textAt(status, 'state', 'waiting', 'reason') ?? '';
  if (!badWaiting.has(reason)) return undefined;
  const name = textAt(status, 'name') ?? '';
  const message = textAt(status, 'state', 'waiting', 'message');
  return degraded(reason, `container ${name}: ${lastEnd(status) ?? message ?? reason}`);
}

/** How a container ended, now or the last time: `exit code 137 (OOMKilled)`; undefined when it has not. */
export function endOf(status: JsonObject, when: 'state' | 'lastState'): string | undefined {
  const code = numberAt(status, when, 'terminated', 'exitCode');
  if (code === undefined) return undefined;
  return `exit code ${code} (${textAt(status, when, 'terminated', 'reason') ?? 'Error'})`;
}

/** `exit code 137 (OOMKilled), 3 restarts` of the last time a container ended. */
export function lastEnd(status: JsonObject): string | undefined {
  const end = endOf(status, 'lastState');
  return end === undefined ? undefined : `${end}, ${numberAt(status, 'restartCount') ?? 0} restarts`;
}

function failureReason(object: KubeObject): string {
  const killed = containerStatuses(object).some(
    (status) => textAt(status, 'state', 'terminated', 'reason') === 'OOMKilled',
  );
  return killed ? 'OOMKilled' : (textAt(object, 'status', 'reason') ?? 'PodFailed');
}

function failureMessage(object: KubeObject): string {
  const ends = containerStatuses(object).flatMap((status) => {
    const hasFailed = (numberAt(status, 'state', 'terminated', 'exitCode') ?? 0) !== 0;
    return hasFailed ? [`container ${textAt(status, 'name')}: ${endOf(status, 'state')}`] : [];
  });
  if (ends.length > 0) return ends.join(', ');
  return textAt(object, 'status', 'message') ?? textAt(object, 'status', 'reason') ?? 'the pod failed';
}

function pending(object: KubeObject, context: HealthContext): Health {
  const scheduled = condition(object, 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable')
    return progressing('Pending', 'is pending');
  const created = Date.parse(textAt(object, 'metadata', 'creationTimestamp') ?? '');
  if (context.now - created <= schedulingPatience) return progressing('Unschedulable', explain(scheduled));
  return degraded('Unschedulable', explain(scheduled));
}

/** A pod that is to run once is well while it runs; one that crashed and runs again has not recovered yet. */
function notReady(object: KubeObject): Health {
  const crashed = containerStatuses(object).find(
    (status) => (numberAt(status, 'state', 'terminated', 'exitCode') ?? 0) !== 0,
  );
  const always = (textAt(object, 'spec', 'restartPolicy') ?? 'Always') === 'Always';
  if (always && crashed !== undefined) {
    const code = numberAt(crashed, 'state', 'terminated', 'exitCode');
    return progressing('ContainerEnded', `container ${textAt(crashed, 'name')} ended with exit code ${code}`);
  }
  const gate = at(object, 'spec', 'readinessGates') === undefined ? '' : ' (it has readiness gates)';
  return progressing('NotReady', `is not ready yet${gate}`);
}
