import { textAt } from '../diff/json.ts';
import type { WatchEvent, Watches, WatchTarget } from '../sync/ports.ts';
import { type KubeObject, label, type ObjectRef } from '../sync/types.ts';
import { forgetRefusals, hear, refusals, type Told, withHeard } from './heard.ts';
import { type RollingPod, type RolloutSignal, seePod, toldBy } from './rolling-pod.ts';
import { isOwnedBy, type Rollout, rolloutOf } from './rollout.ts';

/** A workload that is being rolled out. */
export interface Workload {
  readonly key: string;
  readonly ref: ObjectRef;
  readonly uid: string;
  readonly manifest: KubeObject;
  /** Since when it is being rolled out: wall time in milliseconds. */
  readonly changed: number;
}

/** Something that can't be watched. */
interface Trouble {
  readonly kind: string;
  readonly error: Error;
}

/**
 * Follows the pods of workloads whose health is waited for, and the Events about both, each by watches limited to what
 * is concerned. It is told which workloads matter, and forgets all others.
 */
export interface Rollouts {
  follow(uid: string, identity: string, workloads: readonly Workload[]): void;
  /**
   * What the pods of a revision say.
   * @param revision the revision as the workload's own status names it; undefined while that is not known
   */
  signals(uid: string, key: string, revision: string | undefined): RolloutSignal[];
  /** What can't be watched, so that failures are seen late, and why. */
  troubles(uid: string): Trouble[];
  close(): void;
}

interface Followed {
  readonly workload: Workload;
  readonly rollout: Rollout;
  readonly pods: Map<string, RollingPod & { readonly label: string | undefined }>;
  /** The ReplicaSets between, by uid. */
  readonly sets: Map<string, { readonly revision: string; readonly hash: string }>;
  readonly watches: readonly Watch[];
}

/** The Events of one namespace. */
interface Hearing {
  readonly told: Told;
  readonly watches: readonly Watch[];
}

interface Watch {
  readonly kind: string;
  readonly close: () => void;
  trouble: Error | undefined;
}

/** What is followed for one Delivery. */
interface Following {
  readonly workloads: ReadonlyMap<string, Followed>;
  /** By namespace. */
  readonly hearings: ReadonlyMap<string, Hearing>;
}

/** Takes note of an object. @returns whether a Delivery should look */
type See = (object: KubeObject, isGone: boolean) => boolean;
/** Forgets what a new list does not have. */
type Keep = (present: ReadonlySet<string>) => void;

const nothing: Following = { workloads: new Map(), hearings: new Map() };
/** Warnings, and the one good word that counts. */
const eventFields = ['type=Warning', 'reason=TriggeredScaleUp'];

/**
 * @param now steady time in milliseconds
 * @param notify called with a Delivery's uid when the pods of one of its workloads say something else
 */
export function createRollouts(watches: Watches, now: () => number, notify: (uid: string) => void): Rollouts {
  const followed = new Map<string, Following>();

  function open(uid: string, target: WatchTarget, see: See, keep: Keep = () => undefined): Watch {
    const close = watches.open(target, (event) => {
      if (onEvent(watch, event, see, keep)) notify(uid);
    });
    const watch: Watch = { kind: target.kind, close, trouble: undefined };
    return watch;
  }

  function begin(uid: string, identity: string, workload: Workload): Followed | undefined {
    const rollout = rolloutOf(workload.manifest);
    if (rollout === undefined) return undefined;
    const one: Followed = { workload, rollout, pods: new Map(), sets: new Map(), watches: [] };
    const { namespace = '' } = workload.ref;
    const target = { identity, namespace, selector: rollout.selector };
    forgetRefusals(followed.get(uid)?.hearings.get(namespace)?.told, workload.uid);
    const seen: See = (pod, isGone) => notePod(one, pod, isGone, now());
    const pods = open(uid, { ...target, apiVersion: 'v1', kind: 'Pod' }, seen, (present) => retain(one.pods, present));
    if (rollout.by !== 'ReplicaSet') return { ...one, watches: [pods] };
    const sets = open(
      uid,
      { ...target, apiVersion: 'apps/v1', kind: 'ReplicaSet' },
      (set, isGone) => noteReplicaSet(one, set, isGone),
      (present) => retain(one.sets, present),
    );
    return { ...one, watches: [pods, sets] };
  }

  function listen(uid: string, identity: string, namespace: string): Hearing {
    const told: Told = new Map();
    const see = (event: KubeObject, isGone: boolean): boolean => !isGone && hear(told, event, now());
    const target = { identity, namespace, apiVersion: 'v1', kind: 'Event' };
    return { told, watches: eventFields.map((fields) => open(uid, { ...target, fields }, see)) };
  }

  function follow(uid: string, identity: string, wanted: readonly Workload[]): void {
    const before = followed.get(uid) ?? nothing;
    const workloads = new Map<string, Followed>();
    for (const workload of wanted) {
      const known = before.workloads.get(workload.key);
      const one = isSame(known?.workload, workload) ? known : begin(uid, identity, workload);
      if (one !== undefined) workloads.set(workload.key, one);
    }
    const namespaces = new Set([...workloads.values()].map(({ workload: { ref } }) => ref.namespace ?? ''));
    const hearings = new Map(
      [...namespaces].map((name) => [name, before.hearings.get(name) ?? listen(uid, identity, name)]),
    );
    endAll([...before.workloads.values()].filter((one) => workloads.get(one.workload.key) !== one));
    endAll([...before.hearings].flatMap(([name, one]) => (hearings.has(name) ? [] : [one])));
    if (workloads.size === 0) followed.delete(uid);
    else followed.set(uid, { workloads, hearings });
  }

  return {
    follow,
    signals: (uid, key, revision) => {
      const following = followed.get(uid) ?? nothing;
      const one = following.workloads.get(key);
      if (one === undefined) return [];
      const told = following.hearings.get(one.workload.ref.namespace ?? '')?.told;
      const { by } = one.rollout;
      const { uid: owner, changed } = one.workload;
      const wanted = labelOf(one, revision);
      const pods = [...one.pods.values()].filter(
        (pod) => by === 'all' || (wanted !== undefined && pod.label === wanted),
      );
      const refused = by === 'all' || revision !== undefined ? refusals(told, owner, changed, one.pods.values()) : [];
      return (
        [...pods.flatMap((pod) => withHeard(told, pod, changed)), ...refused]
          // How often its pods may fail is a Job's own business.
          .filter(({ name }) => one.workload.ref.kind !== 'Job' || name !== 'crashLoop')
      );
    },
    troubles: (uid) => {
      const { workloads, hearings } = followed.get(uid) ?? nothing;
      const all = [...workloads.values(), ...hearings.values()].flatMap((one) => one.watches);
      return all.flatMap(({ kind, trouble }) => (trouble === undefined ? [] : [{ kind, error: trouble }]));
    },
    close: () => {
      for (const { workloads, hearings } of followed.values()) endAll([...workloads.values(), ...hearings.values()]);
      followed.clear();
    },
  };
}

/** Takes note of what a watch tells. @returns whether a Delivery should look */
function onEvent(watch: Watch, event: WatchEvent, see: See, keep: Keep): boolean {
  switch (event.type) {
    case 'changed':
    case 'deleted':
      return see(event.object, event.type === 'deleted');
    case 'synced':
      keep(event.present);
      return false;
    default:
      return noteTrouble(watch, event.type === 'failed' ? event.error : undefined);
  }
}

function noteTrouble(watch: Watch, error: Error | undefined): boolean {
  const isNews = watch.trouble?.message !== error?.message;
  watch.trouble = error;
  return isNews;
}

function isSame(known: Workload | undefined, workload: Workload): boolean {
  return known?.uid === workload.uid && known.changed === workload.changed;
}

function endAll(ones: readonly { readonly watches: readonly Watch[] }[]): void {
  for (const { watches } of ones) for (const { close } of watches) close();
}

function retain(known: Map<string, unknown>, present: ReadonlySet<string>): void {
  for (const uid of known.keys()) if (!present.has(uid)) known.delete(uid);
}

/** A revision that came back has the same ReplicaSet under a new number: the number is the one to look for. */
function labelOf({ rollout, sets }: Followed, revision: string | undefined): string | undefined {
  if (revision === undefined || rollout.by !== 'ReplicaSet') return revision;
  return [...sets.values()].find((set) => set.revision === revision)?.hash;
}

function notePod(one: Followed, object: KubeObject, isGone: boolean, now: number): boolean {
  const uid = object.metadata.uid ?? '';
  const before = one.pods.get(uid);
  if (isGone || !isOwned(one, object)) {
    one.pods.delete(uid);
    return toldBy(before) !== '';
  }
  const pod = seePod(object, before, one.workload.changed, now);
  one.pods.set(uid, { ...pod, label: label(object, one.rollout.label) });
  return toldBy(pod) !== toldBy(before);
}

/** A selector may fit pods of others too; a Deployment owns its pods by way of a ReplicaSet that only it has. */
function isOwned({ workload, rollout }: Followed, pod: KubeObject): boolean {
  if (rollout.by === 'ReplicaSet') return true;
  return isOwnedBy(pod, workload.uid);
}

function noteReplicaSet({ workload, rollout, sets }: Followed, set: KubeObject, isGone: boolean): boolean {
  const uid = set.metadata.uid ?? '';
  const revision = textAt(set, 'metadata', 'annotations', 'deployment.kubernetes.io/revision');
  const hash = label(set, rollout.label);
  if (isGone || !isOwnedBy(set, workload.uid) || revision === undefined || hash === undefined) {
    sets.delete(uid);
    return false;
  }
  if (sets.get(uid)?.revision === revision) return false;
  sets.set(uid, { revision, hash });
  return true;
}
