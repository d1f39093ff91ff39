import { at, numberAt, textAt } from '../diff/json.ts';
import type { KubeObject } from '../sync/types.ts';
import type { RollingPod, RolloutSignal } from './rolling-pod.ts';
import { refusalSignal } from './signals.ts';

/** Pods are refused, a volume misses its ConfigMap or Secret, or a node is on its way. */
type Meaning = 'refused' | 'missing' | 'scaleUp';

/** What a Kubernetes Event says that counts for a rollout: a status says it later, or never. */
interface Heard {
  /** A stable word, as Kubernetes has it. */
  readonly reason: string;
  readonly message: string;
  /** Wall time of the last time that it was so, in milliseconds. */
  readonly time: number;
  /** When it was first heard, in steady milliseconds. */
  readonly since: number;
}

/** Events have whole seconds, and were written by another clock. */
const tolerance = 1_000;

/** What was heard, by the uid that it is about and what it means. */
export type Told = Map<string, Heard>;

const meanings: Readonly<Record<string, Meaning>> = {
  FailedCreate: 'refused',
  FailedMount: 'missing',
  TriggeredScaleUp: 'scaleUp',
};

/** The kubelet's words for a volume whose source is not there. A volume that is attached late is another matter. */
const missingSource = /(?:configmap|secret) "[^"]*" not found|references non-existent (?:config|secret) key/i;

/**
 * Takes note of an Event, if it is one that counts.
 * @param now steady time in milliseconds
 * @returns whether it is news
 */
export function hear(told: Told, event: KubeObject, now: number): boolean {
  const reason = textAt(event, 'reason') ?? '';
  const meaning = meanings[reason];
  const about = textAt(event, 'involvedObject', 'uid');
  const message = textAt(event, 'message') ?? '';
  if (meaning === undefined || about === undefined) return false;
  if (meaning === 'missing' && !missingSource.test(message)) return false;
  const time = timeOf(event);
  const key = `${about} ${meaning}`;
  const before = told.get(key);
  if (before !== undefined && before.time > time) return false;
  told.set(key, { reason, message, time, since: before?.since ?? now });
  return before?.message !== message;
}

/** Old and new writers of Events keep the time of the last one in different places. */
function timeOf(event: KubeObject): number {
  const isSeries = numberAt(event, 'series', 'count') !== undefined;
  const time = isSeries ? at(event, 'series', 'lastObservedTime') : at(event, 'lastTimestamp');
  return Date.parse(String(time ?? at(event, 'eventTime') ?? at(event, 'metadata', 'creationTimestamp')));
}

/** The signals of a pod, and what Events add to them or take away: a node that is on its way is waited for. */
export function withHeard(told: Told | undefined, pod: RollingPod, changed: number): RolloutSignal[] {
  const isComing = told?.has(`${pod.uid} scaleUp`) === true;
  const own = pod.signals.filter(({ name }) => name !== 'unschedulable' || !isComing);
  const missing = pod.isMounting ? recent(told, `${pod.uid} missing`, changed) : undefined;
  if (missing === undefined) return own;
  const { reason, message, since } = missing;
  return [...own, { name: 'config', reason, message: `${reason}: ${message}`, isCertain: false, pod: pod.ref, since }];
}

/**
 * That pods are refused. A Deployment and a ReplicaSet have it in their status too; of all others only Events tell. Where
 * a pod could be made since, they are refused no longer.
 * @param changed since when the workload is being rolled out, wall time in milliseconds: what was before does not count
 */
export function refusals(
  told: Told | undefined,
  uid: string,
  changed: number,
  pods: Iterable<RollingPod>,
): RolloutSignal[] {
  const refused = recent(told, `${uid} refused`, changed);
  if (refused === undefined) return [];
  for (const { created } of pods) if (created >= refused.time) return [];
  const { reason, message, since } = refused;
  return [{ name: refusalSignal(message), reason, message: `${reason}: ${message}`, isCertain: false, since }];
}

function recent(told: Told | undefined, key: string, changed: number): Heard | undefined {
  const heard = told?.get(key);
  return heard !== undefined && heard.time >= changed - tolerance ? heard : undefined;
}

/** A workload is rolled out anew: what was said of the rollout before is said again if it still holds. */
export function forgetRefusals(told: Told | undefined, uid: string): void {
  told?.delete(`${uid} refused`);
}
