import { textAt } from '../diff/json.ts';
import type { WatchEvent, Watches, WatchTarget } from '../sync/ports.ts';
import { type KubeObject, label, type ObjectRef } from '../sync/types.ts';
import { containerStatuses } from './kinds/pod.ts';
import { isOwnedBy, type Rollout, rolloutOf } from './rollout.ts';
import { podSignals, type Signal } from './signals.ts';

/** A workload that is being rolled out. */
export interface Workload {
  readonly key: string;
  readonly ref: ObjectRef;
  readonly uid: string;
  readonly manifest: KubeObject;
}

/** A signal of a pod of the new revision. */
export interface PodSignal extends Signal {
  readonly pod: ObjectRef;
  /** When it was first seen, in milliseconds. */
  readonly since: number;
}

/**
 * Follows the pods of workloads whose health is waited for, each by watches limited to that workload. It is told which
 * workloads matter, and forgets all others.
 */
export interface Rollouts {
  follow(uid: string, identity: string, workloads: readonly Workload[]): void;
  /**
   * What the pods of a revision say.
   * @param revision the revision as the workload's own status names it; undefined while that is not known
   */
  signals(uid: string, key: string, revision: string | undefined): PodSignal[];
  close(): void;
}

interface Pod {
  readonly ref: ObjectRef;
  /** The value of the label that names its revision. */
  readonly label: string | undefined;
  readonly signals: readonly PodSignal[];
  readonly tries: number;
  readonly isPulling: boolean;
}

interface Followed {
  readonly workload: Workload;
  readonly rollout: Rollout;
  readonly pods: Map<string, Pod>;
  /** Label values by revision, where ReplicaSets stand between. */
  readonly labels: Map<string, string>;
  readonly closers: readonly (() => void)[];
}

/** Takes note of an object. @returns whether a Delivery should look */
type See = (one: Followed, object: KubeObject, isGone: boolean, now: number) => boolean;

/** Tries to pull an image that are enough. */
const enoughTries = 2;

/** @param notify called with a Delivery's uid when the pods of one of its workloads say something else */
export function createRollouts(watches: Watches, now: () => number, notify: (uid: string) => void): Rollouts {
  const followed = new Map<string, Map<string, Followed>>();

  function onEvent(uid: string, one: Followed, event: WatchEvent, see: See): void {
    // A new list tells what has gone while nobody looked.
    if (event.type === 'synced')
      for (const pod of one.pods.keys()) if (!event.present.has(pod) && see === seePod) one.pods.delete(pod);
    if (event.type !== 'changed' && event.type !== 'deleted') return;
    if (see(one, event.object, event.type === 'deleted', now())) notify(uid);
  }

  function begin(uid: string, identity: string, workload: Workload): Followed | undefined {
    const rollout = rolloutOf(workload.manifest);
    if (rollout === undefined) return undefined;
    const closers: (() => void)[] = [];
    const one: Followed = { workload, rollout, pods: new Map(), labels: new Map(), closers };
    const { namespace = '' } = workload.ref;
    const { selector } = rollout;
    const open = (apiVersion: string, kind: string, see: See): void => {
      const target: WatchTarget = { identity, apiVersion, kind, namespace, selector };
      closers.push(watches.open(target, (event) => onEvent(uid, one, event, see)));
    };
    open('v1', 'Pod', seePod);
    if (rollout.by === 'ReplicaSet') open('apps/v1', 'ReplicaSet', seeReplicaSet);
    return one;
  }

  function follow(uid: string, identity: string, workloads: readonly Workload[]): void {
    const before = followed.get(uid) ?? new Map<string, Followed>();
    const after = new Map<string, Followed>();
    for (const workload of workloads) {
      const known = before.get(workload.key);
      const one = known?.workload.uid === workload.uid ? known : begin(uid, identity, workload);
      if (one !== undefined) after.set(workload.key, one);
    }
    endAll([...before.values()].filter((one) => after.get(one.workload.key) !== one));
    if (after.size === 0) followed.delete(uid);
    else followed.set(uid, after);
  }

  return {
    follow,
    signals: (uid, key, revision) => {
      const one = followed.get(uid)?.get(key);
      if (one === undefined) return [];
      const wanted = labelOf(one, revision);
      return (
        [...one.pods.values()]
          .filter((pod) => one.rollout.by === 'all' || (wanted !== undefined && pod.label === wanted))
          .flatMap((pod) => pod.signals)
          // How often its pods may fail is a Job's own business.
          .filter(({ name }) => one.workload.ref.kind !== 'Job' || name !== 'crashLoop')
      );
    },
    close: () => {
      for (const workloads of followed.values()) endAll([...workloads.values()]);
      followed.clear();
    },
  };
}

function endAll(ones: readonly Followed[]): void {
  for (const { closers } of ones) for (const close of closers) close();
}

function labelOf({ rollout, labels }: Followed, revision: string | undefined): string | undefined {
  if (revision === undefined) return undefined;
  return rollout.by === 'ReplicaSet' ? labels.get(revision) : revision;
}

/** What a Delivery would be told of a pod, as one text. */
function toldBy(pod: Pod | undefined): string {
  return (pod?.signals ?? []).map(({ message, isCertain, isPausing }) => `${message} ${isCertain} ${isPausing}`).join();
}

function seePod(one: Followed, object: KubeObject, isGone: boolean, now: number): boolean {
  const uid = object.metadata.uid ?? '';
  const before = one.pods.get(uid);
  if (isGone || !isOwned(one, object)) {
    one.pods.delete(uid);
    return toldBy(before) !== '';
  }
  const isPulling = isErrImagePull(object);
  const tries = (before?.tries ?? 0) + (isPulling && before?.isPulling !== true ? 1 : 0);
  const { name, namespace = '' } = object.metadata;
  const ref = { apiVersion: 'v1', kind: 'Pod', namespace, name };
  const signals = podSignals(object).map((signal): PodSignal => {
    const since = before?.signals.find((known) => known.name === signal.name)?.since ?? now;
    return {
      ...signal,
      isCertain: signal.isCertain || (signal.name === 'imagePull' && tries >= enoughTries),
      pod: ref,
      since,
    };
  });
  const pod = { ref, label: label(object, one.rollout.label), signals, tries, isPulling };
  one.pods.set(uid, pod);
  return toldBy(pod) !== toldBy(before);
}

/** Each time that the node says so anew was one more try. */
function isErrImagePull(pod: KubeObject): boolean {
  return containerStatuses(pod).some((status) => textAt(status, 'state', 'waiting', 'reason') === 'ErrImagePull');
}

/** A selector may fit pods of others too; a Deployment owns its pods by way of a ReplicaSet that only it has. */
function isOwned({ workload, rollout }: Followed, pod: KubeObject): boolean {
  if (rollout.by === 'ReplicaSet') return true;
  return isOwnedBy(pod, workload.uid);
}

function seeReplicaSet({ workload, rollout, labels }: Followed, set: KubeObject): boolean {
  const revision = textAt(set, 'metadata', 'annotations', 'deployment.kubernetes.io/revision');
  const hash = label(set, rollout.label);
  if (!isOwnedBy(set, workload.uid) || revision === undefined || hash === undefined || labels.get(revision) === hash)
    return false;
  labels.set(revision, hash);
  return true;
}
