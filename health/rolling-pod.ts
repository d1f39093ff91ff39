import { numberAt, textAt } from '../diff/json.ts';
import type { KubeObject, ObjectRef } from '../sync/types.ts';
import { condition } from './kinds/conditions.ts';
import { containerStatuses } from './kinds/pod.ts';
import { podSignals, type Signal } from './signals.ts';

/** A signal that a rollout gives, by one of its pods or by an Event. */
export interface RolloutSignal extends Signal {
  /** The pod concerned, where it is one. */
  readonly pod?: ObjectRef;
  /** When it was first seen, in steady milliseconds. */
  readonly since: number;
}

/** What is remembered of a pod that is followed. */
export interface RollingPod {
  readonly ref: ObjectRef;
  readonly uid: string;
  /** Wall time in milliseconds. */
  readonly created: number;
  readonly signals: readonly RolloutSignal[];
  /** Times that its image was tried in vain. */
  readonly tries: number;
  readonly isPulling: boolean;
  /** Nothing of it has begun yet: its volumes may not be there. */
  readonly isMounting: boolean;
  /** The restarts of each container that were before: only those since then count. */
  readonly restarts: ReadonlyMap<string, number>;
}

/** Tries to pull an image that are enough. */
const enoughTries = 2;
/** By how much two clocks may differ, in milliseconds. */
const clockSkew = 5_000;

/**
 * Takes note of a pod's state.
 * @param before what was known of it
 * @param changed since when its workload is being rolled out, wall time in milliseconds
 * @param now steady time in milliseconds
 */
export function seePod(object: KubeObject, before: RollingPod | undefined, changed: number, now: number): RollingPod {
  const { name, namespace = '', uid = '' } = object.metadata;
  const ref = { apiVersion: 'v1', kind: 'Pod', namespace, name };
  const created = Date.parse(textAt(object, 'metadata', 'creationTimestamp') ?? '');
  // A younger pod has no past.
  const restarts = before?.restarts ?? (created >= changed - clockSkew ? new Map() : restartsOf(object));
  const isPulling = isErrImagePull(object);
  const tries = (before?.tries ?? 0) + (isPulling && before?.isPulling !== true ? 1 : 0);
  const signals = podSignals(object, restarts).map((signal): RolloutSignal => {
    const since = before?.signals.find((known) => known.name === signal.name)?.since ?? now;
    const isCertain = signal.isCertain || (signal.name === 'imagePull' && tries >= enoughTries);
    return { ...signal, isCertain, pod: ref, since };
  });
  return { ref, uid, created, signals, tries, isPulling, isMounting: isMounting(object), restarts };
}

/** Volumes come before everything else: once a container was tried, or the sandbox is there, they are too. */
function isMounting(pod: KubeObject): boolean {
  const isReady = condition(pod, 'PodReadyToStartContainers')?.status === 'True';
  const isUntried = containerStatuses(pod).every((status) =>
    ['ContainerCreating', 'PodInitializing'].includes(textAt(status, 'state', 'waiting', 'reason') ?? ''),
  );
  return textAt(pod, 'status', 'phase') === 'Pending' && !isReady && isUntried;
}

/** What a container went through before the rollout is not the rollout's fault. */
function restartsOf(object: KubeObject): Map<string, number> {
  return new Map(
    containerStatuses(object).map((status) => [textAt(status, 'name') ?? '', numberAt(status, 'restartCount') ?? 0]),
  );
}

/** Each time that the node says so anew was one more try. */
function isErrImagePull(pod: KubeObject): boolean {
  return containerStatuses(pod).some((status) => textAt(status, 'state', 'waiting', 'reason') === 'ErrImagePull');
}

/** What a Delivery would be told of a pod, as one text. */
export function toldBy(pod: RollingPod | undefined): string {
  return (pod?.signals ?? []).map(({ message, isCertain, isPausing }) => `${message} ${isCertain} ${isPausing}`).join();
}
