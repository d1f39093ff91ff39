import { nameOf } from '../delivery/delivery.ts';
import type { Turn } from '../session.ts';
import { closedBy, windowText } from '../windows.ts';
import { type Asked, askedFor } from './asked.ts';
import type { Plan } from './moves.ts';
import type { Cause, Tip } from './standing.ts';

/** Why a release does not begin yet. */
export interface Gate {
  readonly cause: Cause;
  /** Nobody but a person can open it. */
  readonly stalled: boolean;
  /** When it is looked at again whatever happens, in wall time. */
  readonly until: number;
}

/** How soon a gate is looked at again that opens by an event, in milliseconds: the event may have been missed. */
const seldom = 600_000;

/** What a Delivery depends on comes before its plan: that may need what comes by it. */
export function dependencyGate({ delivery, world }: Turn, tip: Tip): Gate | undefined {
  const cause = world.unmetDependency(tip);
  if (cause === undefined) return undefined;
  world.log.info({ delivery: nameOf(delivery), why: cause.message }, 'a release waits for another');
  return { cause, stalled: cause.reason === 'DependencyCycle', until: world.clock.now() + seldom };
}

/** Why a plan that stands is not carried out: a person must ask for it, or approve it, or it is not the time. */
export function planGate(turn: Turn, plan: Plan): Gate | undefined {
  const { session, world } = turn;
  const syncAsked = askedFor(session, plan.release.input);
  session.syncAsked = undefined;
  const isApproved = session.record.approved?.plan === plan.hash;
  const byHand = byPerson(turn, plan, syncAsked, isApproved);
  if (byHand !== undefined) return { cause: byHand, stalled: true, until: world.clock.now() + seldom };
  const closed = windowGate(turn, syncAsked !== undefined);
  // What was asked for holds until there is time for it.
  if (closed !== undefined) session.syncAsked = syncAsked;
  return closed;
}

function byPerson({ delivery }: Turn, plan: Plan, asked: Asked | undefined, isApproved: boolean): Cause | undefined {
  const { hash } = plan;
  const what = `the plan is ${hash} (${countsOf(plan)})`;
  if (asked?.plan !== undefined && asked.plan !== hash)
    return { reason: 'PlanChanged', message: `${what} by now, not ${asked.plan}: look at it again` };
  if (delivery.approval === 'required' && !isApproved)
    return {
      reason: 'AwaitingApproval',
      message: `${what}; who may approve it does so with \`lockstep approve ${delivery.name} --plan ${hash}\``,
    };
  // Who approves a plan wants it to be carried out.
  if (delivery.mode === 'auto' || asked !== undefined || isApproved) return undefined;
  return {
    reason: 'AwaitingSync',
    message: `${what}; carry it out with \`lockstep sync ${delivery.name} --plan ${hash}\``,
  };
}

function countsOf({ actions }: Plan): string {
  const counts = Object.entries(actions).map(([action, count]) => `${count} ${action}`);
  return counts.join(', ') || 'nothing';
}

function windowGate({ delivery, world }: Turn, isAsked: boolean): Gate | undefined {
  const closed = closedBy(delivery.windows, world.clock.now());
  if (closed === undefined || (isAsked && closed.mayByHand)) return undefined;
  const why = closed.by === undefined ? 'no window that allows releases is open' : `not in ${windowText(closed.by)}`;
  const until = new Date(closed.until).toISOString();
  const byHand = closed.mayByHand ? '; a `sync` request starts it now' : '';
  const message = `${why}; looked at again at ${until}${byHand}`;
  return { cause: { reason: 'OutsideWindow', message }, stalled: false, until: closed.until };
}
