import { type Delivery, nameOf, readDelivery } from '../sync/delivery/delivery.ts';
import { type Target, targetIn } from '../sync/delivery/target.ts';
import { LockstepError, messageOf } from '../sync/errors.ts';
import type { Session } from '../sync/session.ts';
import { isNewer, type KubeObject } from '../sync/types.ts';
import { repositoryKey, type Subscriber } from '../webhooks/match.ts';

/** A Delivery that is served: as it was seen last, and what is remembered of it. */
export interface Served {
  readonly object: KubeObject;
  /** Undefined until its first turn. */
  session: Session | undefined;
  /** When somebody said that its source has news, that no turn has looked for yet. Steady time. */
  heardAt: number | undefined;
  /** What it asks for; or why that can't be read. Read once for each state of the object. */
  read(): Delivery | LockstepError;
  /** Where its objects are, also while all else that it asks for can't be read. */
  target(): Target;
}

/** Something happened to a Delivery. */
export interface RegistryChange {
  readonly type: 'changed' | 'deleted';
  readonly object: KubeObject;
}

/** The Deliveries that are served, as far as they are known. */
export interface Registry {
  get(uid: string): Served | undefined;
  /** A Delivery by its name; sets are no Deliveries. */
  find(namespace: string, name: string): Served | undefined;
  all(): readonly Served[];
  /** Those whose source can be read, as webhooks are matched to them. */
  subscribers(): readonly Subscriber[];
  /** Takes a state of a Delivery, unless a newer one is known: an answer to a write may be older than what a watch told. */
  take(object: KubeObject): Served;
  remove(uid: string): void;
  /** @returns a function that ends it */
  subscribe(listener: (change: RegistryChange) => void): () => void;
}

interface Entry extends Served {
  object: KubeObject;
  /** As webhooks are matched to it; none where its source can't be read. */
  subscribers(): readonly Subscriber[];
}

/** What was read of one state of a Delivery. */
interface Read {
  readonly of: KubeObject;
  readonly delivery: Delivery | LockstepError;
  readonly subscribers: readonly Subscriber[];
}

export function createRegistry(): Registry {
  const byUid = new Map<string, Entry>();
  const listeners = new Set<(change: RegistryChange) => void>();
  const tell = (change: RegistryChange): void => {
    for (const listener of listeners) listener(change);
  };

  return {
    get: (uid) => byUid.get(uid),
    find: (namespace, name) =>
      [...byUid.values()].find(
        ({ object }) =>
          object.kind === 'Delivery' && object.metadata.namespace === namespace && object.metadata.name === name,
      ),
    all: () => [...byUid.values()],
    subscribers: () => [...byUid.values()].flatMap((entry) => entry.subscribers()),
    take: (object) => {
      const uid = object.metadata.uid ?? '';
      const known = byUid.get(uid);
      if (known !== undefined && !isNewer(object.metadata.resourceVersion, known.object.metadata.resourceVersion ?? ''))
        return known;
      const entry = known ?? newEntry(object);
      entry.object = object;
      byUid.set(uid, entry);
      tell({ type: 'changed', object });
      return entry;
    },
    remove: (uid) => {
      const known = byUid.get(uid);
      if (!byUid.delete(uid) || known === undefined) return;
      tell({ type: 'deleted', object: known.object });
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function newEntry(object: KubeObject): Entry {
  let last: Read | undefined;
  /** Every webhook asks this of every Delivery. */
  const readOnce = (): Read => {
    if (last?.of === entry.object) return last;
    const delivery = tryRead(entry.object);
    last = { of: entry.object, delivery, subscribers: subscribersOf(delivery) };
    return last;
  };
  const entry: Entry = {
    object,
    session: undefined,
    heardAt: undefined,
    read: () => readOnce().delivery,
    target: () => targetIn(entry.object),
    subscribers: () => readOnce().subscribers,
  };
  return entry;
}

/** One Delivery that can't be read never concerns another. */
function tryRead(object: KubeObject): Delivery | LockstepError {
  try {
    return readDelivery(object);
  } catch (error) {
    return error instanceof LockstepError ? error : new LockstepError('InvalidSpec', messageOf(error));
  }
}

/** A set follows every repository that it looks into. */
function subscribersOf(delivery: Delivery | LockstepError): readonly Subscriber[] {
  if (delivery instanceof LockstepError) return [];
  const { uid, set } = delivery;
  const followed = set === undefined ? [delivery] : set.generators.filter((one) => 'url' in one);
  return followed.flatMap((one) => {
    const repository = repositoryKey(one.url);
    return repository === undefined ? [] : { uid, name: nameOf(delivery), repository, followed: one.followed };
  });
}
