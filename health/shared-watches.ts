import type { WatchEvent, Watches, WatchTarget } from '../sync/ports.ts';
import type { KubeObject } from '../sync/types.ts';

/** What listens to watches that several Deliveries share. */
export interface Listener {
  /** @param users the Deliveries that share the watch */
  onObject(users: ReadonlySet<string>, type: 'changed' | 'deleted', object: KubeObject): void;
  /** All that a watch has was told to a user: what is not among it is not there. */
  onSynced(uid: string, watch: string, present: ReadonlySet<string>): void;
  /** Something changed that a user should look at. */
  notify(uid: string): void;
}

/** Watches by what they are on. Those who want the same share it; it is closed when nobody wants it any more. */
export interface SharedWatches {
  /** Makes sure of a watch. @returns its name */
  need(uid: string, target: WatchTarget): string;
  /** Has everything told again that a watch has. */
  tellAgain(name: string): void;
  /** Ends the use of all others. */
  keepOnly(uid: string, used: ReadonlySet<string>): void;
  /** Whether every watch of a user has told all there is, or why it can't. */
  isComplete(uid: string): boolean;
  /** Watches of a user that can't be opened, and why. */
  troubles(uid: string): { kind: string; error: Error }[];
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

export function shareWatches(watches: Watches, listener: Listener): SharedWatches {
  const open = new Map<string, OpenWatch>();

  function onEvent(name: string, event: WatchEvent): void {
    const watch = open.get(name);
    if (watch === undefined) return;
    if (event.type === 'failed') onFailed(watch, event.error);
    else if (event.type === 'opened') onOpened(watch);
    else if (event.type === 'synced') onSynced(name, watch, event.present);
    else listener.onObject(watch.users, event.type, event.object);
  }

  /** The watch tries again by itself; meanwhile everybody must know that nothing is seen. */
  function onFailed(watch: OpenWatch, error: Error): void {
    const changed = watch.trouble?.message !== error.message;
    watch.trouble = error;
    if (changed) for (const uid of watch.users) listener.notify(uid);
  }

  /** A list alone is not enough: who may list, but not watch, still sees nothing. */
  function onOpened(watch: OpenWatch): void {
    watch.trouble = undefined;
    watch.opened = watch.reopening === undefined;
    for (const uid of watch.users) listener.notify(uid);
  }

  function onSynced(name: string, watch: OpenWatch, present: ReadonlySet<string>): void {
    watch.synced = watch.reopening === undefined;
    for (const uid of watch.users) {
      listener.onSynced(uid, name, present);
      listener.notify(uid);
    }
  }

  /** A watch tells each object once: who needs to be told again waits for a new list. */
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

  return {
    need: (uid, target) => {
      const name = watchName(target);
      const watch = open.get(name);
      if (watch === undefined) {
        const close = watches.open(target, (event) => onEvent(name, event));
        const fresh = { synced: false, opened: false, trouble: undefined, reopening: undefined };
        open.set(name, { target, users: new Set([uid]), close, ...fresh });
      } else if (!watch.users.has(uid)) {
        watch.users.add(uid);
        reopen(name, watch);
      }
      return name;
    },
    tellAgain: (name) => {
      const watch = open.get(name);
      if (watch !== undefined) reopen(name, watch);
    },
    keepOnly: (uid, used) => {
      for (const [name, watch] of open) {
        if (used.has(name)) continue;
        watch.users.delete(uid);
        if (watch.users.size > 0) continue;
        open.delete(name);
        end(watch);
      }
    },
    isComplete: (uid) =>
      [...open.values()].every(
        (watch) => (watch.synced && watch.opened) || watch.trouble !== undefined || !watch.users.has(uid),
      ),
    troubles: (uid) =>
      [...open.values()].flatMap(({ users, trouble, target }) =>
        users.has(uid) && trouble !== undefined ? [{ kind: target.kind, error: trouble }] : [],
      ),
    close: () => {
      for (const watch of open.values()) end(watch);
      open.clear();
    },
  };
}

function watchName(target: WatchTarget): string {
  return `${target.identity} ${target.apiVersion} ${target.kind} ${target.namespace ?? ''}`;
}
