import { createBreaker } from '../sync/breaker.ts';
import { type Delivery, nameOf } from '../sync/delivery/delivery.ts';
import { type Dependency, unmetDependency } from '../sync/dependencies.ts';
import { LockstepError } from '../sync/errors.ts';
import { isFoundBy } from '../sync/input.ts';
import { isNamespaceAllowed, type Limits } from '../sync/limits.ts';
import type { Clock, Log } from '../sync/ports.ts';
import type { Cause, Tip } from '../sync/release/standing.ts';
import { isSame, isUntouched } from '../sync/release/state.ts';
import type { Session } from '../sync/session.ts';
import { shortRevision } from '../sync/types.ts';
import type { Registry, Served } from './registry.ts';

/** What neighbours need. */
export interface NeighbourDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  /** What a Delivery may do, beyond what its account may. */
  limits(delivery: Delivery): Limits;
  enqueue(uid: string): void;
  /** The source of a Delivery has news. */
  heard(uid: string): void;
}

/** What Deliveries mean to each other: some wait for others, and many that fail together are told apart from one that does. */
export interface Neighbours {
  /** What a Delivery waits for before it releases a tip. */
  unmet(delivery: Delivery, tip: Tip): Cause | undefined;
  /** Why a release must not be judged by a failure. */
  withholds(delivery: Delivery, cause: Cause): string | undefined;
  /** What verdicts are withheld for now. */
  open(): string[];
  /** A turn of a Delivery has ended: who waits for it looks again, when it stands otherwise now. */
  turned(uid: string): void;
  forget(uid: string): void;
}

export function createNeighbours({ registry, clock, log, limits, enqueue, heard }: NeighbourDeps): Neighbours {
  const breaker = createBreaker();
  /** How each Delivery stood when its last turn ended. */
  const stood = new Map<string, string>();
  /** What was told of verdicts that are withheld, by Delivery: it is looked at again and again. */
  const withheld = new Map<string, string>();

  const served = (): ReadonlySet<string> =>
    new Set(registry.all().map(({ object }) => object.metadata.namespace ?? ''));

  /** @param by who asks, and for which tip */
  function look(name: string, by: Delivery, tip: Tip): Dependency | undefined {
    const [namespace = '', plain = ''] = name.split('/');
    const entry = registry.find(namespace, plain);
    if (entry === undefined) return undefined;
    const other = entry.read();
    if (other instanceof LockstepError) return { dependsOn: [], isGood: false, stands: 'can not be read' };
    const { dependsOn } = other;
    const isBehind =
      isOfSameSource(by, other) && !isSuspended(other, entry.session) && entry.session?.tip !== tip.revision;
    if (!isBehind) return { dependsOn, ...standOf(other, entry.session) };
    // Both come from one commit: the other one must have seen it too.
    heard(other.uid);
    return { dependsOn, isGood: false, stands: `has not seen ${shortRevision(tip.revision)} yet` };
  }

  function notAllowed(delivery: Delivery): Cause | undefined {
    const { namespace, dependsOn } = delivery;
    const allowed = limits(delivery);
    const other = dependsOn.find((name) => !isNamespaceAllowed(name.split('/')[0] ?? '', allowed, namespace));
    if (other === undefined) return undefined;
    const message = `Deliveries of the namespace ${namespace} may not depend on ${other}`;
    return { reason: 'NotAllowed', message };
  }

  function wakeDependents(name: string): void {
    for (const { object, session, read } of registry.all()) {
      const delivery = read();
      if (delivery instanceof LockstepError || !delivery.dependsOn.includes(name)) continue;
      if (session?.planTrouble !== undefined) session.planTrouble = { ...session.planTrouble, retryAt: 0 };
      enqueue(object.metadata.uid ?? '');
    }
  }

  return {
    unmet: (delivery, tip) => {
      if (delivery.dependsOn.length === 0) return undefined;
      const seen = new Map<string, Dependency | undefined>();
      const lookOnce = (name: string): Dependency | undefined => {
        if (!seen.has(name)) seen.set(name, look(name, delivery, tip));
        return seen.get(name);
      };
      return notAllowed(delivery) ?? unmetDependency(nameOf(delivery), delivery.dependsOn, lookOnce);
    },
    withholds: (delivery, cause) => {
      const failure = { uid: delivery.uid, namespace: delivery.namespace, cause };
      const why = breaker.withholds(failure, served(), clock.steady());
      if (why !== undefined && why !== withheld.get(delivery.uid))
        log.error({ delivery: nameOf(delivery), why }, 'the circuit breaker withholds a verdict');
      if (why === undefined) withheld.delete(delivery.uid);
      else withheld.set(delivery.uid, why);
      return why;
    },
    open: () => breaker.open(served(), clock.steady()),
    turned: (uid) => {
      const entry = registry.get(uid);
      const stands = entry === undefined ? '' : signOf(entry);
      if (stood.get(uid) === stands) return;
      stood.set(uid, stands);
      const { namespace = '', name = '' } = entry?.object.metadata ?? {};
      wakeDependents(`${namespace}/${name}`);
    },
    forget: (uid) => {
      stood.delete(uid);
      withheld.delete(uid);
    },
  };
}

/** What is suspended, by its spec or by request, does not look at Git: it counts by what it was last. */
function isSuspended({ suspended }: Delivery, session: Session | undefined): boolean {
  return suspended || session?.record.isSuspended === true;
}

function isOfSameSource(one: Delivery, other: Delivery): boolean {
  return one.url === other.url && one.ref === other.ref;
}

/** What dependents look at. */
function signOf({ read, session }: Served): string {
  const delivery = read();
  if (delivery instanceof LockstepError) return 'unreadable';
  return `${standOf(delivery, session).isGood} ${session?.tip} ${delivery.dependsOn.join()}`;
}

/** Only the state is told: the rest may be none of another namespace's business. */
function standOf(delivery: Delivery, session: Session | undefined): Pick<Dependency, 'isGood' | 'stands'> {
  if (session === undefined) return { isGood: false, stands: 'was not looked at yet' };
  const { standing } = session.record;
  const isVerified = standing.good !== undefined && isUntouched(standing);
  if (isVerified && (isSuspended(delivery, session) || isAtTip(delivery, session)))
    return { isGood: true, stands: 'is good' };
  const at = session.tip === undefined ? '' : ` at ${shortRevision(session.tip)}`;
  return { isGood: false, stands: `is not good yet${at}: its state is ${standing.state}` };
}

function isAtTip(delivery: Delivery, { record, found, tip }: Session): boolean {
  if (found === undefined || found.tip.revision !== tip || !isFoundBy(delivery, found)) return false;
  return isSame(found.tip, record.standing.good);
}
