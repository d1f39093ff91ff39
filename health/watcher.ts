import { type Owned, ownedBy, pathsSentEmpty } from '../diff/owned.ts';
import type { Clock, WatchEvent, Watches, WatchTarget } from '../sync/ports.ts';
import { type Entry, healingManifest } from '../sync/release/record.ts';
import { deliveryLabel, fieldManager, shortUid } from '../sync/stamp.ts';
import { type Health, type KubeObject, keyOf, label, refOf } from '../sync/types.ts';
import { healthOf } from './rules.ts';

/** What is known of one live object. `questioned`: a watch lost sight of it, which only a read can explain. */
export interface Live {
  readonly state: 'present' | 'questioned' | 'unseen';
  readonly uid: string;
  readonly version: string;
  readonly owned: Owned | undefined;
  readonly health: Health;
}

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
  /** Whether every watch of the Delivery has told all there is. */
  isComplete(uid: string): boolean;
  /** Watches that can't be opened, by what they are for. */
  troubles(uid: string): string[];
  forget(uid: string): void;
  /** Closes every watch. */
  close(): void;
}

interface Tracked {
  readonly key: string;
  readonly watch: string;
  readonly sentEmpty: readonly string[];
  uid: string | undefined;
  /** What we own as of our last apply: the reference that drift is measured against. */
  reference: string | undefined;
  live: Live | undefined;
  /** Kept only while the health depends on the time that passes. */
  settling: KubeObject | undefined;
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

/** Reasons for waiting that end by time alone, without any event. */
const timedReasons = new Set(['Settling', 'NoAddress', 'Unschedulable']);

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
      const changed = watch.trouble !== event.error.message;
      watch.trouble = event.error.message;
      if (changed) for (const uid of watch.users) notify(uid);
      return;
    }
    watch.trouble = undefined;
    if (event.type === 'synced') onSynced(name, watch, event.present);
    else onObject(event.type, event.object);
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
    tracked.live = fold(delivery, tracked, object);
    if (isWorthALook(before, tracked)) notify(delivery.uid);
  }

  function fold(delivery: Followed, tracked: Tracked, object: KubeObject): Live {
    const health = healthOf(object, { now: clock.now() });
    tracked.settling = timedReasons.has(health.reason) ? object : undefined;
    return {
      state: 'present',
      uid: object.metadata.uid ?? '',
      version: object.metadata.resourceVersion ?? '',
      owned: ownedBy(object, delivery.manager, tracked.sentEmpty),
      health,
    };
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
      const live = fold(delivery, tracked, answer);
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
        tracked.live = fold(delivery, tracked, tracked.settling);
      return tracked?.live;
    },
    suspects: (uid) => [...objectsOf(uid)].filter(isSuspect).map((tracked) => tracked.key),
    isComplete: (uid) => [...open.values()].every((watch) => watch.synced || !watch.users.has(uid)),
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

function track(entry: Entry, watch: string, before: Tracked | undefined): Tracked {
  const sentEmpty = pathsSentEmpty(healingManifest(entry));
  const uid = entry.applied?.uid;
  if (before === undefined)
    return {
      key: entry.key,
      watch,
      sentEmpty,
      uid,
      reference: entry.applied?.owned,
      live: undefined,
      settling: undefined,
    };
  return { ...before, watch, sentEmpty };
}

function targetOf(identity: string, entry: Entry): WatchTarget {
  const { apiVersion, kind, namespace } = entry.ref;
  return namespace === undefined ? { identity, apiVersion, kind } : { identity, apiVersion, kind, namespace };
}

function watchName(target: WatchTarget): string {
  return `${target.identity} ${target.apiVersion} ${target.kind} ${target.namespace ?? ''}`;
}

function question(tracked: Tracked): void {
  const health: Health = { status: 'Missing', reason: 'NotSeen', message: `${tracked.key} is not there any more` };
  tracked.settling = undefined;
  tracked.live = { state: 'questioned', uid: tracked.uid ?? '', version: '', owned: undefined, health };
}

function isSuspect(tracked: Tracked): boolean {
  if (tracked.reference === undefined && tracked.uid === undefined) return false;
  if (tracked.live === undefined) return false;
  return tracked.live.state === 'questioned' || tracked.live.owned?.hash !== tracked.reference;
}

function isWorthALook(before: Live | undefined, tracked: Tracked): boolean {
  if (isSuspect(tracked)) return true;
  return (
    before?.health.status !== tracked.live?.health.status || before?.health.message !== tracked.live?.health.message
  );
}

/** Resource versions are numbers that may be larger than a double holds. */
function isNewer(version: string | undefined, than: string): boolean {
  if (version === undefined) return true;
  return version.length === than.length ? version > than : version.length > than.length;
}
