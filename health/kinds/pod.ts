import { at, type JsonObject, numberAt, objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import {
  degraded,
  type HealthContext,
  healthy,
  progressing,
  progressingUntil,
  unknown,
  type Verdict,
} from '../scale.ts';
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

/** How long a pod may wait for a node before that is taken as a failure, in milliseconds. */
const schedulingPatience = 60_000;

/** A Pod's own health: by phase, then by its containers (init containers and sidecars too), then readiness. */
export function pod(object: KubeObject, context: HealthContext): Verdict {
  const phase = textAt(object, 'status', 'phase');
  if (phase === 'Succeeded') return healthy('Succeeded');
  if (phase === 'Failed') return degraded(failureReason(object), failureMessage(object));
  if (phase === 'Unknown') return unknown('Unknown', 'its node does not answer');
  const stuck = containerStatuses(object)
    .map(stuckContainer)
    .find((found) => found !== undefined);
  if (stuck !== undefined) return stuck;
  if (phase !== 'Running') return pending(object, context);
  if (!runsForever(object)) return progressing('Running', 'runs until it is done');
  if (condition(object, 'Ready')?.status === 'True') return healthy('Ready');
  return notReady(object);
}

/** The statuses of all containers: init containers, sidecars among them, first. */
export function containerStatuses(object: KubeObject): JsonObject[] {
  return [...objectsAt(object, 'status', 'initContainerStatuses'), ...objectsAt(object, 'status', 'containerStatuses')];
}

function stuckContainer(status: JsonObject): Verdict | undefined {
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

function pending(object: KubeObject, { now }: HealthContext): Verdict {
  const ended = endedContainer(object);
  if (ended !== undefined) return ended;
  const scheduled = condition(object, 'PodScheduled');
  if (scheduled?.status !== 'False') return progressing('Pending', 'is pending');
  if (scheduled.reason === 'SchedulingGated') return progressing('SchedulingGated', explain(scheduled));
  if (scheduled.reason !== 'Unschedulable') return progressing('Pending', explain(scheduled));
  const end = Date.parse(textAt(object, 'metadata', 'creationTimestamp') ?? '') + schedulingPatience;
  if (now <= end) return progressingUntil(end + 1, 'Unschedulable', explain(scheduled));
  return degraded('Unschedulable', explain(scheduled));
}

/** A pod that is to run once is done when it ends; until then it is on its way. */
function runsForever(object: KubeObject): boolean {
  return (textAt(object, 'spec', 'restartPolicy') ?? 'Always') === 'Always';
}

/** A container that ended badly and is about to be run again: it has not recovered yet. */
function endedContainer(object: KubeObject): Verdict | undefined {
  const crashed = containerStatuses(object).find(
    (status) => (numberAt(status, 'state', 'terminated', 'exitCode') ?? 0) !== 0,
  );
  if (crashed === undefined) return undefined;
  return progressing('ContainerEnded', `container ${textAt(crashed, 'name')} ended with ${endOf(crashed, 'state')}`);
}

function notReady(object: KubeObject): Verdict {
  const ended = endedContainer(object);
  if (ended !== undefined) return ended;
  const gate = at(object, 'spec', 'readinessGates') === undefined ? '' : ' (it has readiness gates)';
  return progressing('NotReady', `is not ready yet${gate}`);
}
