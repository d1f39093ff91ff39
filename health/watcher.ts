import { ApiError } from '../sync/errors.ts';
import type { Clock, WatchEvent, Watches, WatchTarget } from '../sync/ports.ts';
import type { Entry } from '../sync/release/record.ts';
import { deliveryLabel, fieldManager, shortUid } from '../sync/stamp.ts';
import { type KubeObject, keyOf, label, refOf } from '../sync/types.ts';
import { fold, isNewer, isSuspect, isWorthALook, type Live, question, type Tracked, track } from './tracked.ts';

/** Follows the objects of all Deliveries by watches and folds each into a few words. It never polls. */
export interface Watcher {
  /** Tells which objects a Delivery has; opens the watches that it needs and closes those that nobody needs. */
  follow(uid: string, identity: string, entries: ReadonlyMap<string, Entry>): void;
  /** Takes the API server's answer to an apply as the newest state, and what we own in it as the reference for drift. */
  learn(uid: string, key: string, answer: KubeObject): Live;
  /** The live state of an object of a followed Delivery. */
  live(uid: string, key: string): Live | undefined;
  /** The objects that a read or an apply must look at: they differ from the reference, or a watch lost them. */
  suspects(uid: string): string[];
  /** Whether every watch of the Delivery that may be opened has told all there is. */
  isComplete(uid: string): boolean;
  /** Watches that the identity may not open, in words: what they would tell stays unseen. */
  troubles(uid: string): string[];
  forget(uid: string): void;
  /** Closes every watch. */
  close(): void;
}

interface Followed {
  readonly uid: string;
  readonly manager: string;
  objects: Map<string, Tracked>;
}

interface OpenWatch {
  readonly target: WatchTarget;
  readonly close: () => void;
  users: Set<string>;
  synced: boolean;
  trouble: string | undefined;
}

/**
 * @param notify called with a Delivery's uid when something about its objects changed that it should look at
 */
export function createWatcher(watches: Watches, clock: Clock, notify: (uid: string) => void): Watcher {
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
    watch.trouble = undefined;
    if (event.type === 'synced') onSynced(name, watch, event.present);
    else onObject(event.type, event.object);
  }

  /** A failure that passes by itself is tried again by the watch; one of rights must be seen by people. */
  function onFailed(watch: OpenWatch, error: Error): void {
    const isForbidden = error instanceof ApiError && error.class === 'forbidden';
    const trouble = isForbidden ? error.message : undefined;
    const changed = watch.trouble !== trouble;
    watch.trouble = trouble;
    if (changed) for (const uid of watch.users) notify(uid);
  }

  function onSynced(name: string, watch: OpenWatch, present: ReadonlySet<string>): void {
    watch.synced = true;
    for (const uid of watch.users) {
      for (const tracked of followed.get(uid)?.objects.values() ?? []) {
        if (tracked.watch === name && tracked.uid !== undefined && !present.has(tracked.uid)) question(tracked);
      }
      notify(uid);
    }
  }

  function onObject(type: 'changed' | 'deleted', object: KubeObject): void {
    const delivery = byShortUid.get(label(object, deliveryLabel) ?? '');
    const tracked = delivery?.objects.get(keyOf(refOf(object)));
    if (delivery === undefined || tracked === undefined) return;
    if (type === 'deleted') {
      if (object.metadata.uid !== tracked.uid && object.metadata.uid !== tracked.live?.uid) return;
      question(tracked);
      notify(delivery.uid);
      return;
    }
    if (tracked.live?.state === 'present' && !isNewer(object.metadata.resourceVersion, tracked.live.version)) return;
    const before = tracked.live;
    tracked.live = fold(tracked, object, delivery.manager, clock.now());
    if (isWorthALook(before, tracked)) notify(delivery.uid);
  }

  function need(uid: string, target: WatchTarget): string {
    const name = watchName(target);
    const watch = open.get(name);
    if (watch !== undefined) {
      watch.users.add(uid);
      return name;
    }
    const users = new Set([uid]);
    open.set(name, {
      target,
      users,
      synced: false,
      trouble: undefined,
      close: watches.open(target, (event) => onEvent(name, event)),
    });
    return name;
  }

  function closeUnused(uid: string, used: ReadonlySet<string>): void {
    for (const [name, watch] of open) {
      if (used.has(name)) continue;
      watch.users.delete(uid);
      if (watch.users.size > 0) continue;
      open.delete(name);
      watch.close();
    }
  }

  function objectsOf(uid: string): Iterable<Tracked> {
    return followed.get(uid)?.objects.values() ?? [];
  }

  return {
    follow: (uid, identity, entries) => {
      const delivery = followed.get(uid) ?? { uid, manager: fieldManager(uid), objects: new Map() };
      followed.set(uid, delivery);
      byShortUid.set(shortUid(uid), delivery);
      const used = new Set<string>();
      const objects = new Map<string, Tracked>();
      for (const entry of entries.values()) {
        const watch = need(uid, targetOf(identity, entry));
        used.add(watch);
        objects.set(entry.key, track(entry, watch, delivery.objects.get(entry.key)));
      }
      delivery.objects = objects;
      closeUnused(uid, used);
    },
    learn: (uid, key, answer) => {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery === undefined || tracked === undefined) throw new Error(`${key} is not followed`);
      const live = fold(tracked, answer, delivery.manager, clock.now());
      tracked.uid = live.uid;
      tracked.reference = live.owned?.hash;
      const known = tracked.live;
      if (known?.state === 'present' && known.uid === live.uid && isNewer(known.version, live.version))
        return { ...known, owned: live.owned };
      tracked.live = live;
      return live;
    },
    live: (uid, key) => {
      const delivery = followed.get(uid);
      const tracked = delivery?.objects.get(key);
      if (delivery !== undefined && tracked?.settling !== undefined)
        tracked.live = fold(tracked, tracked.settling, delivery.manager, clock.now());
      return tracked?.live;
    },
    suspects: (uid) => [...objectsOf(uid)].filter(isSuspect).map((tracked) => tracked.key),
    isComplete: (uid) =>
      [...open.values()].every((watch) => watch.synced || watch.trouble !== undefined || !watch.users.has(uid)),
    troubles: (uid) =>
      [...open.values()].flatMap((watch) =>
        watch.users.has(uid) && watch.trouble !== undefined
          ? [`${watch.target.kind} can't be watched: ${watch.trouble}`]
          : [],
      ),
    forget: (uid) => {
      closeUnused(uid, new Set());
      followed.delete(uid);
      byShortUid.delete(shortUid(uid));
    },
    close: () => {
      for (const watch of open.values()) watch.close();
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
