import type { Target } from '../sync/delivery/target.ts';
import type { WatchEvent, Watches, WatchTarget } from '../sync/ports.ts';
import type { Entry } from '../sync/release/record.ts';
import { deliveryLabel, shortUid } from '../sync/stamp.ts';
import { isNewer, type KubeObject, keyOf, label, refOf } from '../sync/types.ts';
import { type Followed, isFollowed, miss, missAllBut, newFollowed, note } from './followed.ts';
import type { HealthContext } from './scale.ts';
import {
  fold,
  isWorthALook,
  type JobEnd,
  type Live,
  see,
  seeLast,
  settle,
  type Tracked,
  take,
  track,
} from './tracked.ts';

/** Follows the objects of all Deliveries by watches and folds each into a few words. It never polls. */
export interface Watcher {
  /** Tells which objects a Delivery has; opens the watches that it needs and closes those that nobody needs. */
  follow(uid: string, identity: Target, entries: ReadonlyMap<string, Entry>): void;
  /** Takes the API server's answer to an apply as the newest state, and what we own in it as the reference for drift. */
  learn(uid: string, key: string, answer: KubeObject): Live;
  /** The live state of an object of a followed Delivery. */
  live(uid: string, key: string): Live | undefined;
  /** The objects that a read or an apply must look at: they differ from the reference, or a watch lost them. */
  suspects(uid: string): string[];
  /** Whether every watch of the Delivery has told all there is, or why it can't. */
  isComplete(uid: string): boolean;
  /** Watches that can't be opened, and why: what they would tell stays unseen. */
  troubles(uid: string): { kind: string; error: Error }[];
  /** How a Job was seen to end. */
  jobEnd(uid: string, key: string): JobEnd | undefined;
  /** Takes an object that is gone for one that is done. */
  settle(uid: string, key: string, end: JobEnd): void;
  /** Says that what is known of an object may not be so any more. */
  question(uid: string, key: string): void;
  forget(uid: string): void;
  /** Closes every watch. */
  close(): void;
}

interface OpenWatch {
  readonly target: WatchTarget;
  close: () => void;
  users: Set<string>;
  /** Everything that exists was told to all users. */
  synced: boolean;
  /** Everything that happens from then on is told. */
  opened: boolean;
  /** Why it can't be opened right now. */
  trouble: Error | undefined;
  reopening: NodeJS.Timeout | undefined;
}

/** Users of a watch that come one after the other share one new list, in milliseconds. */
const gathering = 20;

/**
 * @param context what health rules may need beside an object of a target, now
 * @param notify called with a Delivery's uid when something about its objects changed that it should look at
 */
export function createWatcher(
  watches: Watches,
  context: (target: Target) => HealthContext,
  notify: (uid: string) => void,
): Watcher {
  const followed = new Map<string, Followed>();
  const byShortUid = new Map<string, Followed>();
  const open = new Map<string, OpenWatch>();

  function onEvent(name: string, event: WatchEvent): void {
    const watch = open.get(name);
    if (watch === undefined) return;
    if (event.type === 'failed') {
      onFailed(watch, event.error);
      return;
    }
    if (event.type === 'opened') onOpened(watch);
    else if (event.type === 'synced') onSynced(name, watch, event.present);
    else onObject(watch, event.type, event.object);
  }

  /** The watch tries again by itself; meanwhile everybody must know that nothing is seen. */
  function onFailed(watch: OpenWatch, error: Error): void {
    const changed = watch.trouble?.message !== error.message;
    watch.trouble = error;
    if (changed) for (const uid of watch.users) notify(uid);
  }

  /** A list alone is not enough: who may list, but not watch, still sees nothing. */
  function onOpened(watch: OpenWatch): void {
    watch.trouble = undefined;
    watch.opened = watch.reopening === undefined;
    for (const uid of watch.users) notify(uid);
  }

  function onSynced(name: string, watch: OpenWatch, present: ReadonlySet<string>): void {
    watch.synced = watch.reopening === undefined;
    for (const uid of watch.users) {
      const delivery = followed.get(uid);
      if (delivery !== undefined) missAllBut(delivery, name, present);
      notify(uid);
    }
  }

  function onObject(watch: OpenWatch, type: 'changed' | 'deleted', object: KubeObject): void {
    const delivery = byShortUid.get(label(object, deliveryLabel) ?? '');
    const tracked = delivery?.objects.get(keyOf(refOf(object)));
    if (delivery === undefined || tracked === undefined) onStranger(watch, object);
    else if (tracked.isSettled) return;
    else if (type === 'deleted') onDeleted(delivery, tracked, object);
    else onChanged(delivery, tracked, object);
  }

  /** An object of ours whose label somebody changed looks like a stranger's: only its uid tells. */
  function onStranger(watch: OpenWatch, object: KubeObject): void {
    const key = keyOf(refOf(object));
    for (const uid of watch.users) {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery === undefined || tracked?.uid === undefined || tracked.uid !== object.metadata.uid) continue;
      miss(delivery, tracked);
      notify(uid);
    }
  }

  function onDeleted(delivery: Followed, tracked: Tracked, object: KubeObject): void {
    if (object.metadata.uid !== tracked.uid && object.metadata.uid !== tracked.live?.uid) return;
    seeLast(tracked, object, context(delivery.identity));
    miss(delivery, tracked);
    notify(delivery.uid);
  }

  function onChanged(delivery: Followed, tracked: Tracked, object: KubeObject): void {
    const before = tracked.live;
    if (before?.state === 'present' && !isNewer(object.metadata.resourceVersion, before.version)) return;
    see(tracked, object, delivery.manager, context(delivery.identity));
    note(delivery, tracked);
    if (isWorthALook(before, tracked)) notify(delivery.uid);
  }

  function need(uid: string, target: WatchTarget): string {
    const name = watchName(target);
    const watch = open.get(name);
    if (watch === undefined) {
      const close = watches.open(target, (event) => onEvent(name, event));
      open.set(name, {
        target,
        users: new Set([uid]),
        synced: false,
        opened: false,
        trouble: undefined,
        reopening: undefined,
        close,
      });
    } else if (!watch.users.has(uid)) {
      watch.users.add(uid);
      reopen(name, watch);
    }
    return name;
  }

  /** A watch tells each object once: whoever joins later needs to be told again. */
  function reopen(name: string, watch: OpenWatch): void {
    watch.synced = false;
    watch.opened = false;
    watch.reopening ??= setTimeout(() => {
      watch.reopening = undefined;
      watch.close();
      watch.close = watches.open(watch.target, (event) => onEvent(name, event));
    }, gathering);
  }

  function end(watch: OpenWatch): void {
    clearTimeout(watch.reopening);
    watch.close();
  }

  function closeUnused(uid: string, used: ReadonlySet<string>): void {
    for (const [name, watch] of open) {
      if (used.has(name)) continue;
      watch.users.delete(uid);
      if (watch.users.size > 0) continue;
      open.delete(name);
      end(watch);
    }
  }

  return {
    follow: (uid, identity, entries) => {
      const before = followed.get(uid);
      // Between releases nothing changes, and every turn asks.
      if (before?.identity === identity && isFollowed(before, entries)) return;
      const delivery = before ?? newFollowed(uid, identity);
      followed.set(uid, delivery);
      byShortUid.set(shortUid(uid), delivery);
      const used = new Set<string>();
      const objects = new Map<string, Tracked>();
      for (const entry of entries.values()) {
        const known = delivery.objects.get(entry.key);
        // Most are the ones that they were in the turn before.
        const isSame = known?.entry === entry && identity === delivery.identity;
        const tracked = isSame ? known : track(entry, need(uid, targetOf(identity, entry)), known);
        used.add(tracked.watch);
        objects.set(entry.key, tracked);
      }
      Object.assign(delivery, { identity, objects, suspects: new Set() });
      for (const tracked of objects.values()) note(delivery, tracked);
      closeUnused(uid, used);
    },
    learn: (uid, key, answer) => {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery === undefined || tracked === undefined) throw new Error(`${key} is not followed`);
      const live = fold(tracked, answer, delivery.manager, context(delivery.identity));
      const known = tracked.live;
      tracked.isSettled = false;
      tracked.uid = live.uid;
      tracked.reference = live.owned;
      // An event may have told of a newer state before the answer came.
      const isOld = known?.state === 'present' && known.uid === live.uid && isNewer(known.version, live.version);
      if (!isOld) take(tracked, answer, live);
      note(delivery, tracked);
      return live;
    },
    live: (uid, key) => {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery !== undefined && tracked?.settling !== undefined) {
        see(tracked, tracked.settling, delivery.manager, context(delivery.identity));
        note(delivery, tracked);
      }
      return tracked?.live;
    },
    suspects: (uid) => [...(followed.get(uid)?.suspects ?? [])],
    isComplete: (uid) =>
      [...open.values()].every(
        (watch) => (watch.synced && watch.opened) || watch.trouble !== undefined || !watch.users.has(uid),
      ),
    troubles: (uid) =>
      [...open.values()].flatMap(({ users, trouble, target }) =>
        users.has(uid) && trouble !== undefined ? [{ kind: target.kind, error: trouble }] : [],
      ),
    jobEnd: (uid, key) => followed.get(uid)?.objects.get(key)?.ended,
    settle: (uid, key, end) => {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery === undefined || tracked === undefined) return;
      settle(tracked, end);
      note(delivery, tracked);
    },
    question: (uid, key) => {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery === undefined || tracked === undefined) return;
      miss(delivery, tracked);
      notify(uid);
    },
    forget: (uid) => {
      closeUnused(uid, new Set());
      followed.delete(uid);
      byShortUid.delete(shortUid(uid));
    },
    close: () => {
      for (const watch of open.values()) end(watch);
      open.clear();
    },
  };
}

function targetOf(identity: string, entry: Entry): WatchTarget {
  const { apiVersion, kind, namespace } = entry.ref;
  return namespace === undefined ? { identity, apiVersion, kind } : { identity, apiVersion, kind, namespace };
}

function watchName(target: WatchTarget): string {
  return `${target.identity} ${target.apiVersion} ${target.kind} ${target.namespace ?? ''}`;
}
