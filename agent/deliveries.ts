import type { Watcher } from '../health/watcher.ts';
import { type Delivery, nameOf } from '../sync/delivery/delivery.ts';
import type { DeliveryStatus } from '../sync/delivery/status-schema.ts';
import { type Target, targetOf } from '../sync/delivery/target.ts';
import { writtenIn } from '../sync/delivery/written.ts';
import { LockstepError } from '../sync/errors.ts';
import { troubleOf } from '../sync/find.ts';
import { breathe } from '../sync/parallel.ts';
import { reconcile } from '../sync/reconcile.ts';
import { stopMeasuring } from '../sync/release/analyse.ts';
import { lookAtSource, type Session, type Turn } from '../sync/session.ts';
import { refusedStatus, statusOf } from '../sync/status.ts';
import { teardown } from '../sync/teardown.ts';
import type { KubeObject } from '../sync/types.ts';
import type { World } from '../sync/world.ts';
import { type DeliveryWriter, statusIn } from './delivery-writer.ts';
import type { CollectionEvent } from './kube/watch.ts';
import type { Lineage } from './lineage.ts';
import type { Neighbours } from './neighbours.ts';
import type { Hint } from './queue/queue.ts';
import { progressQuiet, quietInRelease, quietWhenRenamed } from './quiet.ts';
import type { Registry, Served } from './registry.ts';
import type { FollowedRules } from './rules/book.ts';
import { openSessions, type SessionDeps } from './session-opener.ts';
import type { Site } from './sites.ts';
import { isThere } from './there.ts';
import { mayTouch } from './touched.ts';

type Above = ReturnType<Lineage['above']>;

/** What of the world is the same for all Deliveries. */
export type SharedWorld = Omit<
  World,
  'event' | 'wake' | 'isSilent' | 'isOutdated' | 'kinds' | 'unmetDependency' | 'withholds' | 'limits' | 'above'
>;

/** What serving Deliveries needs. */
export interface DeliveryDeps extends SessionDeps {
  readonly registry: Registry;
  readonly rules: Pick<FollowedRules, 'problemOf' | 'forget'>;
  readonly watcher: Watcher;
  readonly writer: DeliveryWriter;
  readonly neighbours: Neighbours;
  readonly lineage: Lineage;
  /** Its values in the cluster are followed no longer. */
  forgetValues(uid: string): void;
  readonly world: SharedWorld;
  /** The cluster of a target: what it serves, and whether it is another one that does not answer. */
  siteAt(target: Target): Pick<Site, 'kinds' | 'far'>;
  /** Asks for a turn of a Delivery. */
  enqueue(uid: string, hint?: Hint): void;
  /** The same after some milliseconds. */
  enqueueAfter(uid: string, delay: number): void;
  /** Whether other agents ask for turns too. */
  readonly isShared: boolean;
}

/** Serves the Deliveries that a watch tells of. */
export interface Deliveries {
  /**
   * @param kind Delivery or DeliverySet
   * @param namespace what the watch covers; undefined for all namespaces
   */
  onEvent(kind: string, namespace: string | undefined, event: CollectionEvent): void;
  /** One turn of a Delivery; answers after how many milliseconds the next one is due. */
  work(uid: string, hints: ReadonlySet<Hint>): Promise<number | undefined>;
  /** Something that a Delivery is made with has changed: it is looked at now. */
  lookAgain(uid: string): void;
  /**
   * Its source has news.
   * @param paths the files that were changed; undefined where that is not known
   */
  heard(uid: string, paths?: readonly string[]): void;
  /** Other rules hold: what was read and checked is read and checked again. */
  checkAgain(): void;
}

/** How much later a Delivery looks at a push that does not seem to change it, in milliseconds. */
const untouchedQuiet = 300;

/** When a turn begins anew whose rules were not checked yet, in milliseconds. */
const checkedSoon = 1_000;

/** When a cluster is looked at again that is not there, in milliseconds. */
const farAway = 2_000;

export function createDeliveries(deps: DeliveryDeps): Deliveries {
  const { registry } = deps;
  const openSession = openSessions(deps);

  function onEvent(kind: string, namespace: string | undefined, event: CollectionEvent): void {
    if (event.type === 'failed') deps.log.warn({ problem: event.error.message }, 'Deliveries can not be watched');
    else if (event.type === 'synced') dropMissing(kind, namespace, event.uids);
    else if (event.type === 'deleted') drop(event.object.metadata.uid ?? '');
    else if (event.type === 'changed') take({ ...event.object, kind });
  }

  function take(object: KubeObject): void {
    const uid = object.metadata.uid ?? '';
    const known = registry.get(uid)?.object;
    const entry = registry.take(object);
    if (known === undefined) entry.heardAt = deps.clock.steady();
    const isOurs = known !== undefined && isStatusOnly(known, object);
    if (!isOurs) deps.enqueue(uid);
  }

  /** The answer to a write of ours may show a change that somebody else made meanwhile: it asks for a turn of its own. */
  function written(entry: Served, object: KubeObject): void {
    if (!isStatusOnly(entry.object, object)) deps.enqueue(object.metadata.uid ?? '');
    // What was deleted meanwhile does not come back by it.
    if (registry.get(object.metadata.uid ?? '') === entry) registry.take(object);
  }

  /** A list of one namespace and kind says nothing about the others. */
  function dropMissing(kind: string, namespace: string | undefined, uids: ReadonlySet<string>): void {
    for (const { object } of registry.all()) {
      const isCovered = object.kind === kind && (namespace === undefined || object.metadata.namespace === namespace);
      const { uid = '' } = object.metadata;
      if (isCovered && !uids.has(uid)) drop(uid);
    }
  }

  function drop(uid: string): void {
    const session = registry.get(uid)?.session;
    const polling = session?.polling ?? Promise.resolve();
    if (session !== undefined) stopMeasuring(session);
    void polling.finally(() => deps.world.sources.leave(uid));
    registry.remove(uid);
    deps.watcher.forget(uid);
    deps.rules.forget(uid);
    deps.forgetValues(uid);
    deps.neighbours.forget(uid);
    deps.world.rollouts.follow(uid, '', []);
  }

  function checkAgain(): void {
    for (const { object, session } of registry.all()) {
      if (session === undefined) continue;
      session.found = undefined;
      session.weighed = undefined;
      lookAtSource(session, deps.clock.steady());
      deps.enqueue(object.metadata.uid ?? '');
    }
  }

  function lookAgain(uid: string): void {
    const session = registry.get(uid)?.session;
    if (session === undefined) return;
    lookAtSource(session, deps.clock.steady());
    deps.enqueue(uid);
  }

  async function work(uid: string, hints: ReadonlySet<Hint>): Promise<number | undefined> {
    try {
      return await takeTurn(uid, hints);
    } finally {
      // A turn that was under way when its Delivery went may have asked its source once more.
      if (registry.get(uid) === undefined) {
        deps.world.sources.leave(uid);
        deps.forgetValues(uid);
      }
    }
  }

  async function takeTurn(uid: string, hints: ReadonlySet<Hint>): Promise<number | undefined> {
    const entry = registry.get(uid);
    if (entry === undefined) return undefined;
    const delivery = entry.read();
    if (delivery instanceof LockstepError) return refuse(entry, delivery);
    const above = deps.lineage.above(uid);
    const against = await problemOf(delivery, above);
    // Nobody else waits for a check that takes long.
    if (against === 'later') return checkedSoon;
    if (against !== undefined) return refuse(entry, against);
    entry.session ??= await openSession(entry.object);
    takeNews(entry, entry.session, hints);
    const site = deps.siteAt(targetOf(delivery));
    const world = worldOf(entry, delivery, site, above);
    const turn: Turn = { delivery, session: entry.session, world };
    if (delivery.deleting) return remove(entry, turn);
    written(entry, await deps.writer.hold(entry.object));
    if (!(await isThere(turn, site.far))) return tell(entry, turn, farAway);
    const again = await reconcile(turn);
    deps.neighbours.turned(uid);
    const { waiting, record } = entry.session;
    const { state } = record.standing;
    deps.log.debug({ delivery: nameOf(delivery), state, waiting, again }, 'a turn ended');
    return tell(entry, turn, again);
  }

  /** Who has said it elsewhere may have done so a moment ago: then no answer that is older than now will do. */
  function takeNews(entry: Served, session: Session, hints: ReadonlySet<Hint>): void {
    const { heardAt } = entry;
    entry.heardAt = undefined;
    if (hints.has('source') && (deps.isShared || heardAt === undefined)) lookAtSource(session, deps.clock.steady());
    else if (heardAt !== undefined) lookAtSource(session, heardAt);
  }

  /** Of hundreds of Deliveries of one repository those come first that a push changes, as far as its sender knows. */
  function heard(uid: string, paths?: readonly string[]): void {
    const entry = registry.get(uid);
    if (entry === undefined) return;
    entry.heardAt = deps.clock.steady();
    // What comes later comes without a hint, and another agent would not know why.
    if (deps.isShared || paths === undefined || mayTouch(entry, paths)) deps.enqueue(uid, 'source');
    else deps.enqueueAfter(uid, untouchedQuiet);
  }

  function worldOf(entry: Served, delivery: Delivery, site: Pick<Site, 'kinds' | 'far'>, above: Above): World {
    const { object } = entry;
    const { uid } = delivery;
    return {
      ...deps.world,
      kinds: site.kinds,
      limits: () => deps.lineage.limits(delivery),
      above: above instanceof LockstepError ? [] : above,
      event: (type, reason, message) => deps.events.write(entry.object, type, reason, message),
      unmetDependency: (tip) => deps.neighbours.unmet(delivery, tip),
      withholds: (cause) => deps.neighbours.withholds(delivery, cause),
      wake: () => deps.enqueue(uid),
      isSilent: () => site.far?.silence() !== undefined,
      isOutdated: () => !isStatusOnly(object, entry.object),
    };
  }

  /** What stands against serving a Delivery at all. */
  async function problemOf(delivery: Delivery, above: Above): Promise<LockstepError | 'later' | undefined> {
    const rules = await deps.rules.problemOf(delivery.uid, writtenIn(delivery));
    if (rules === 'later') return 'later';
    if (rules !== 'nothing') return new LockstepError('InvalidRule', rules.problem);
    return above instanceof LockstepError && !delivery.deleting ? above : undefined;
  }

  /** Writes the status, unless what it says can wait. */
  async function tell(entry: Served, turn: Turn, again: number): Promise<number> {
    const { delivery, session } = turn;
    if (!deps.watcher.isComplete(delivery.uid)) return Math.min(again, progressQuiet);
    const quiet = quietInRelease(session, deps.clock.now());
    if (quiet > 0) return Math.min(again, quiet);
    await breathe();
    const status = currentStatus(turn, entry);
    const later = quietWhenRenamed(session, statusIn(entry.object), status, deps.clock.now());
    if (later > 0) return Math.min(again, later);
    written(entry, await deps.writer.status(entry.object, status));
    return again;
  }

  function currentStatus({ delivery, session }: Turn, entry: Served): DeliveryStatus {
    const live = (key: string) => deps.watcher.live(delivery.uid, key)?.health;
    return statusOf(delivery, session, live, deps.clock.now(), statusIn(entry.object));
  }

  async function refuse(entry: Served, error: LockstepError): Promise<undefined> {
    const generation = Number(entry.object.metadata['generation'] ?? 0);
    const status = refusedStatus(generation, troubleOf(error), deps.clock.now(), statusIn(entry.object));
    written(entry, await deps.writer.status(entry.object, status));
  }

  async function remove(entry: Served, turn: Turn): Promise<number | undefined> {
    const { delivery, session } = turn;
    deps.watcher.follow(
      delivery.uid,
      targetOf(delivery),
      session.record.entries,
      deps.world.rules.of(delivery.uid, delivery.rules),
    );
    const again = await teardown(turn);
    if (again === undefined) written(entry, await deps.writer.release(entry.object));
    else written(entry, await deps.writer.status(entry.object, currentStatus(turn, entry)));
    return again;
  }

  return { onEvent, work, lookAgain, heard, checkAgain };
}

/** Our own status writes come back as events; they ask for nothing. */
function isStatusOnly(before: KubeObject, after: KubeObject): boolean {
  const essence = ({ metadata }: KubeObject): string =>
    JSON.stringify([metadata['generation'], metadata['annotations'], metadata['deletionTimestamp']]);
  return essence(before) === essence(after);
}
