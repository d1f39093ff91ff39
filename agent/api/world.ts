import type { HealthContext } from '../../health/scale.ts';
import type { Live } from '../../health/tracked.ts';
import type { Delivery } from '../../sync/delivery/delivery.ts';
import { partsOf, type Target } from '../../sync/delivery/target.ts';
import { LockstepError } from '../../sync/errors.ts';
import type { Clock, Kinds } from '../../sync/ports.ts';
import type { Entry } from '../../sync/release/record.ts';
import type { Session } from '../../sync/session.ts';
import type { KubeObject, ObjectRef } from '../../sync/types.ts';
import type { KubeHttp } from '../kube/http.ts';
import { type Action, mayGet } from '../kube/may.ts';
import type { WatchSite } from '../kube/watches.ts';
import type { Made } from '../made.ts';
import type { Registry, Served } from '../registry.ts';
import type { Caller } from './callers.ts';
import { Problem } from './problems.ts';

/** What the routes use of the agent. */
export interface ApiWorld {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly kinds: Kinds;
  /** The API server as the agent itself. */
  readonly http: KubeHttp;
  /** The same over connections of its own, for questions about callers: strangers never stand in the way of the work. */
  readonly reviews: KubeHttp;
  /** The cluster that a target means. */
  siteOf(target: Target): Omit<WatchSite, 'kinds'>;
  /** The live state of an object of a Delivery. */
  live(uid: string, key: string): Live | undefined;
  /** What each of some workloads of a target has made, as the account of the Delivery may list it. */
  made(target: Target, workloads: readonly KubeObject[]): Promise<Made[]>;
  /** What health rules may need beside an object of a target. */
  healthContext(target: Target): HealthContext;
  /** The objects of a Delivery that differ from what was applied last. */
  suspects(uid: string): readonly string[];
  /** An object as it is, and as healing would make it, asked for as the account of the Delivery. */
  tryToHeal(
    delivery: Delivery,
    session: Session,
    entry: Entry,
  ): Promise<{ before: KubeObject | undefined; after: KubeObject | undefined }>;
}

/** A right on a Delivery. */
export function onDelivery(verb: string, namespace?: string, name?: string): Action {
  const named = name === undefined ? {} : { name };
  return { verb, group: 'lockstep.dev', resource: 'deliveries', namespace, ...named };
}

/**
 * A Delivery that the caller may see. Whether it does not exist or is not for them is never told apart.
 * @throws Problem NotFound
 */
export async function readServed(
  { registry }: ApiWorld,
  caller: Caller,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<Served> {
  // The right is asked for first, so that the time tells nothing either.
  const isAllowed = await caller.may(onDelivery('get', namespace, name));
  const served = registry.find(namespace, name);
  if (served === undefined || !isAllowed)
    throw new Problem('NotFound', `the Delivery ${namespace}/${name} does not exist, or is not for you to see`);
  return served;
}

/** What is remembered of a Delivery that was read and had its first turn; undefined before that, or where it is wrong. */
export function knownOf(served: Served): { delivery: Delivery; session: Session } | undefined {
  const delivery = served.read();
  const { session } = served;
  return session === undefined || delivery instanceof LockstepError ? undefined : { delivery, session };
}

/** Who may not get an object is not told of it. In another cluster a caller has no name: there whoever may get its login may. */
export function mayGetOf({ kinds }: ApiWorld, caller: Caller, served: Served): (ref: ObjectRef) => Promise<boolean> {
  const mayLogIn = mayUseLogin(caller, served);
  return mayLogIn === undefined ? mayGet(caller.may, kinds) : () => mayLogIn;
}

/** Whether a caller may get the login to the other cluster that is the target; undefined where it is this one. */
export function mayUseLogin(caller: Caller, served: Served): Promise<boolean> | undefined {
  const { secret } = partsOf(served.target());
  return secret === undefined ? undefined : caller.may({ verb: 'get', resource: 'secrets', ...secret });
}
