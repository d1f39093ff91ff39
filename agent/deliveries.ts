import { canonicalJson, isObject, type Json, parseJson, toJson } from '../diff/json.ts';
import type { Watcher } from '../health/watcher.ts';
import { deliveryApiVersion, deliveryPlural } from '../sync/delivery/crd.ts';
import { type Delivery, readDelivery } from '../sync/delivery/delivery.ts';
import type { DeliveryStatus } from '../sync/delivery/schema.ts';
import { ApiError, LockstepError, messageOf } from '../sync/errors.ts';
import { troubleOf } from '../sync/find.ts';
import type { Clock, Log, Records } from '../sync/ports.ts';
import { reconcile } from '../sync/reconcile.ts';
import { newSession, type Session, type World } from '../sync/session.ts';
import { refusedStatus, statusOf } from '../sync/status.ts';
import { teardown } from '../sync/teardown.ts';
import type { KubeObject } from '../sync/types.ts';
import type { Events } from './events.ts';
import type { KubeHttp } from './kube/http.ts';
import type { CollectionEvent } from './kube/watch.ts';
import { maskText } from './mask.ts';

/** Holds a Delivery until its objects are gone. */
const finalizer = 'lockstep.dev/objects';

/** Progress that goes well is told at most this often, in milliseconds: most releases end before. */
const progressQuiet = 1_000;

function isUnderWay(session: Session): boolean {
  return session.record.phase === 'Releasing' && session.applyTrouble === undefined && session.planTrouble === undefined && session.sourceTrouble === undefined;
}

/** What serving Deliveries needs. */
export interface DeliveryDeps {
  readonly http: KubeHttp;
  readonly clock: Clock;
  readonly log: Log;
  readonly records: Records;
  readonly watcher: Watcher;
  readonly events: Events;
  readonly world: Omit<World, 'event'>;
  /** Asks for a turn of a Delivery. */
  enqueue(uid: string): void;
}

/** Serves the Deliveries that a watch tells of. */
export interface Deliveries {
  onEvent(event: CollectionEvent): void;
  /** One turn of a Delivery, as the queue asks for it. */
  work(uid: string): Promise<number | undefined>;
}

interface Served {
  object: KubeObject;
  session: Session | undefined;
  /** The status as it was last written, without times that only move. */
  written: string;
}

export function createDeliveries(deps: DeliveryDeps): Deliveries {
  const served = new Map<string, Served>();

  function onEvent(event: CollectionEvent): void {
    if (event.type === 'failed') return deps.log.warn({ problem: event.error.message }, 'Deliveries can not be watched');
    if (event.type === 'synced') return dropMissing(event.uids);
    const uid = event.object.metadata.uid ?? '';
    if (event.type === 'deleted') return drop(uid);
    const known = served.get(uid);
    if (known === undefined) served.set(uid, { object: event.object, session: undefined, written: canonicalJson(event.object['status'] ?? null) });
    else {
      const isOurs = isStatusOnly(known.object, event.object);
      known.object = event.object;
      if (isOurs) return;
    }
    deps.enqueue(uid);
  }

  function dropMissing(uids: ReadonlySet<string>): void {
    for (const uid of [...served.keys()]) if (!uids.has(uid)) drop(uid);
  }

  function drop(uid: string): void {
    served.delete(uid);
    deps.watcher.forget(uid);
  }

  async function work(uid: string): Promise<number | undefined> {
    const entry = served.get(uid);
    if (entry === undefined) return undefined;
    const world: World = { ...deps.world, event: (type, reason, message) => deps.events.write(entry.object, type, reason, message) };
    const delivery = tryRead(entry, deps);
    if (delivery instanceof LockstepError) return refuse(entry, delivery);
    entry.session ??= newSession(await deps.records.load(uid), deps.clock.now());
    if (delivery.deleting) return remove(entry, delivery, entry.session, world);
    await keepFinalizer(entry);
    const again = await reconcile(delivery, entry.session, world);
    const quiet = entry.session.releaseAt + progressQuiet - deps.clock.now();
    if (isUnderWay(entry.session) && quiet > 0) return Math.min(again, quiet);
    if (isUnderWay(entry.session)) entry.session.releaseAt = deps.clock.now();
    await writeStatus(entry, currentStatus(delivery, entry.session, entry));
    return again;
  }

  function currentStatus(delivery: Delivery, session: Session, entry: Served): DeliveryStatus {
    const live = (key: string) => deps.watcher.live(delivery.uid, key)?.health;
    return statusOf(delivery, session, live, deps.clock.now(), statusIn(entry.object));
  }

  async function refuse(entry: Served, error: LockstepError): Promise<undefined> {
    const generation = Number(entry.object.metadata['generation'] ?? 0);
    await writeStatus(entry, refusedStatus(generation, troubleOf(error), deps.clock.now(), statusIn(entry.object)));
    deps.events.write(entry.object, 'Warning', error.code, error.message);
  }

  async function remove(entry: Served, delivery: Delivery, session: Session, world: World): Promise<number | undefined> {
    deps.watcher.follow(delivery.uid, `system:serviceaccount:${delivery.namespace}:${delivery.serviceAccount}`, session.record.entries);
    if (await teardown(delivery, session, world)) {
      await writeFinalizers(entry.object, finalizersOf(entry.object).filter((name) => name !== finalizer));
      return undefined;
    }
    await writeStatus(entry, currentStatus(delivery, session, entry));
    return 5_000;
  }

  async function keepFinalizer(entry: Served): Promise<void> {
    const finalizers = finalizersOf(entry.object);
    if (finalizers.includes(finalizer)) return;
    entry.object = await writeFinalizers(entry.object, [...finalizers, finalizer]);
  }

  async function writeStatus(entry: Served, status: DeliveryStatus): Promise<void> {
    const shown = parseJson(maskText(toJson(status)));
    const text = canonicalJson(shown);
    if (text === entry.written) return;
    const old = statusIn(entry.object);
    try {
      entry.object = await applyStatus(entry.object, shown);
      entry.written = text;
      warnAbout(entry, status, old);
    } catch (error) {
      if (!(error instanceof ApiError && error.class === 'absent')) throw error;
    }
  }

  /** What goes wrong, or is waited for, is told as an event when it changes. */
  function warnAbout(entry: Served, status: DeliveryStatus, old: DeliveryStatus): void {
    const now = status.conditions?.find((condition) => condition.type === 'Ready');
    const before = old.conditions?.find((condition) => condition.type === 'Ready');
    if (now === undefined || now.status === 'True' || (now.reason === before?.reason && now.message === before.message)) return;
    const calm = now.reason === 'Progressing' || now.reason === 'Planning' || now.status === 'Unknown';
    if (calm && now.reason === before?.reason) return;
    deps.events.write(entry.object, calm ? 'Normal' : 'Warning', now.reason, now.message);
  }

  /** Server-side apply drops what the status no longer holds. */
  async function applyStatus(object: KubeObject, status: Json): Promise<KubeObject> {
    const { namespace = '', name } = object.metadata;
    const body = toJson({ apiVersion: deliveryApiVersion, kind: 'Delivery', metadata: { namespace, name }, status });
    const query = { fieldManager: 'lockstep-status', force: 'true' };
    const contentType = 'application/apply-patch+yaml';
    const answer = await deps.http.request({ method: 'PATCH', path: `${pathOf(object)}/status`, query, body, contentType });
    return answer.body as KubeObject;
  }

  async function writeFinalizers(object: KubeObject, finalizers: readonly string[]): Promise<KubeObject> {
    const body = toJson({ metadata: { finalizers, resourceVersion: object.metadata.resourceVersion } });
    const answer = await deps.http.request({ method: 'PATCH', path: pathOf(object), body, contentType: 'application/merge-patch+json' });
    return answer.body as KubeObject;
  }

  return { onEvent, work };
}

function tryRead(entry: Served, deps: DeliveryDeps): Delivery | LockstepError {
  try {
    return readDelivery(entry.object);
  } catch (error) {
    if (error instanceof LockstepError) return error;
    deps.log.error({ problem: messageOf(error) }, 'a Delivery can not be read');
    return new LockstepError('InvalidSpec', messageOf(error));
  }
}

function pathOf(object: KubeObject): string {
  const { namespace = '', name } = object.metadata;
  return `/apis/${deliveryApiVersion}/namespaces/${namespace}/${deliveryPlural}/${name}`;
}

function statusIn(object: KubeObject): DeliveryStatus {
  return isObject(object['status']) ? (object['status'] as DeliveryStatus) : {};
}

function finalizersOf(object: KubeObject): string[] {
  const list = object.metadata['finalizers'];
  return Array.isArray(list) ? list.filter((name) => typeof name === 'string') : [];
}

/** Our own status writes come back as events; they ask for nothing. */
function isStatusOnly(before: KubeObject, after: KubeObject): boolean {
  const essence = (object: KubeObject): string => JSON.stringify([object.metadata['generation'], object.metadata['annotations'], object.metadata['deletionTimestamp']]);
  return essence(before) === essence(after);
}
