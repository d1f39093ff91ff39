import type { Delivery } from './delivery/delivery.ts';
import type { DeliveryCondition, DeliveryStatus } from './delivery/status-schema.ts';
import { cut, inOneLine } from './errors.ts';
import { irreversibleHook } from './release/record.ts';
import { type Cause, nameRelease, type State, type Tip } from './release/standing.ts';
import { heldFor } from './release/state.ts';
import { rejectedTip, type Session, type Trouble } from './session.ts';
import { shortRevision, titleOf } from './types.ts';

/** What the status says in one line, before it is put into conditions. */
export interface Summary {
  readonly state: State;
  readonly ready: DeliveryCondition['status'];
  readonly reason: string;
  readonly message: string;
  readonly reconciling: boolean;
  readonly stalled: boolean;
}

const shownParts = 10;

/** One state, one reason and one message for everything that a session knows. */
export function summarize(delivery: Delivery, session: Session): Summary {
  const state = stateOf(delivery, session);
  const trouble = worstTrouble(session);
  if (trouble !== undefined && state !== 'Deleting' && state !== 'Suspended') {
    const { reason, message, stalled } = trouble;
    return { state, ready: 'False', reason, message, stalled, reconciling: !stalled };
  }
  return { state, ...(saying[state] ?? onItsWay)(delivery, session) };
}

function stateOf(delivery: Delivery, session: Session): State {
  const { state, target, former } = session.record.standing;
  if (delivery.deleting) return 'Deleting';
  if (state === 'Planning' && former !== undefined) return former;
  // What can't even be planned is held back all the same; what an older tip was blocked by is nobody's business then.
  const isAtRest = state === 'Synced' || state === 'Blocked';
  if (isAtRest && rejectedTip(session) !== undefined) return 'Held';
  return state === 'Synced' && target === undefined ? 'Planning' : state;
}

/** The one trouble to show: that of the newest revision before that of an older one, that of the source last. */
function worstTrouble(session: Session): Trouble | undefined {
  const { sourceTrouble, planTrouble, applyTrouble, healTrouble, watchTrouble } = session;
  const isNewer = session.tip !== session.found?.tip.revision;
  const isTold = session.record.standing.state !== 'RollingBack' && session.record.standing.state !== 'Degraded';
  return (
    (isNewer ? sourceTrouble : undefined) ??
    planTrouble ??
    (isTold ? applyTrouble : undefined) ??
    healTrouble ??
    sourceTrouble ??
    watchTrouble
  );
}

type Saying = (delivery: Delivery, session: Session) => Omit<Summary, 'state'>;

const calm = { reconciling: false, stalled: false };
const busy = { ready: 'False', reconciling: true, stalled: false } as const;
const stuck = { ready: 'False', reconciling: false, stalled: true } as const;

/** What is said in each state. */
const saying: Partial<Record<State, Saying>> = {
  Planning: () => ({ ...busy, reason: 'Planning', message: 'the source is being read' }),
  Synced: live,
  Probation: live,
  Pruning: (delivery, session) => (session.waiting.length > 0 ? onItsWay(delivery, session) : live(delivery, session)),
  Suspended: ({ suspended }) => {
    const by = suspended ? 'by spec.suspend' : 'by a request; go on with the request resume';
    return { ...calm, ready: 'Unknown', reason: 'Suspended', message: `suspended ${by}` };
  },
  Deleting: (_delivery, { waiting }) => {
    return { ...busy, reason: 'Deleting', message: inOneLine(waiting, shownParts) || 'is being deleted' };
  },
  Paused: (_delivery, session) => paused(session),
  Held: (_delivery, session) => ({ ...stuck, ...held(session) }),
  Failing: goingBack,
  RollingBack: goingBack,
  RollbackVerifying: goingBack,
  Degraded: degraded,
};

function live(_delivery: Delivery, session: Session): Omit<Summary, 'state'> {
  const { target } = session.record.standing;
  const { sequence = 0, revision = '', author = '', subject = '' } = target ?? {};
  const message = `release ${sequence}: ${shortRevision(revision)} by ${author}: ${subject}`;
  const drift = inOneLine([...session.drift.values()].map(({ text }) => text).sort(), shownParts);
  if (drift === '') return { ...calm, ready: 'True', reason: 'Synced', message };
  return { ...calm, ready: 'True', reason: 'Drifted', message: `${message}; drift is not undone: ${drift}` };
}

function onItsWay(_delivery: Delivery, { waiting }: Session): Omit<Summary, 'state'> {
  const message = `waiting for ${inOneLine(waiting, shownParts) || 'applying'}`;
  return { ...busy, reason: 'Progressing', message };
}

function goingBack(_delivery: Delivery, { record, waiting }: Session): Omit<Summary, 'state'> {
  const { bad, target, cause, state } = record.standing;
  const failed = state === 'Failing' ? target : bad;
  const to = state === 'Failing' || target === undefined ? '' : `; going back to ${nameRelease(target)}`;
  const why = cause === undefined ? 'is not wanted any more' : `failed: ${cause.message}`;
  const wait = waiting.length > 0 ? `; waiting for ${inOneLine(waiting, shownParts)}` : '';
  return { ...busy, reason: 'RollingBack', message: `${nameRelease(failed)} ${why}${to}${wait}` };
}

function paused({ record: { standing } }: Session): Omit<Summary, 'state'> {
  const { target, cause } = standing;
  const reason = cause?.reason ?? 'Paused';
  const goesOn = reason === 'AnalysisError' ? 'it goes on when that can be measured; ' : '';
  const message = `${nameRelease(target)} is paused: ${cause?.message ?? ''}; ${goesOn}request resume to measure again, accept to let it pass, or rollback`;
  return { ...(reason === 'AnalysisError' ? busy : stuck), reason, message };
}

const wayOut = 'push a fix, or request retry';

function held({ record }: Session): { reason: string; message: string } {
  const { standing, history } = record;
  const { tip, target, cause } = standing;
  const known = heldFor(standing, tip);
  if (known === undefined)
    return { reason: cause?.reason ?? 'Held', message: `${revisionOf(tip)} is held: ${cause?.message ?? ''}` };
  const last = history.find(({ revision }) => revision === known.revision);
  const now = target === undefined ? 'nothing was good before' : `${nameRelease(target)} is live`;
  if (known.revision === tip?.revision) {
    const reason = last?.verdict === 'Degraded' ? 'ReleaseFailed' : 'RolledBack';
    return { reason, message: `${revisionOf(tip)} failed: ${known.cause.message}; ${now}; ${wayOut}` };
  }
  const same = `${revisionOf(tip)} has the content of ${revisionOf(known)}, which failed: ${known.cause.message}`;
  return { reason: 'Held', message: `${same}; ${now}; ${wayOut}` };
}

function degraded(delivery: Delivery, { record, rollback, waiting }: Session): Omit<Summary, 'state'> {
  const { standing } = record;
  const { bad, target, cause, good } = standing;
  if (bad === undefined) {
    const once = irreversibleHook(record);
    const isAsked = delivery.rollback.mode === 'manual' || once !== undefined;
    const why = once === undefined ? '' : `; ${titleOf(once)} has run and is irreversible`;
    const wayBack = good !== undefined && isAsked ? `${why}; request rollback to go back to ${nameRelease(good)}` : why;
    const message = `${nameRelease(target)} failed: ${cause?.message ?? ''}; ${wayOut}${wayBack}`;
    return { ...stuck, reason: 'ReleaseFailed', message };
  }
  const why = rollback.problem ?? (inOneLine(waiting, shownParts) || (cause?.message ?? ''));
  return { ...stuck, reason: 'RollbackFailed', message: `${nameRelease(target)} can't be brought back whole: ${why}` };
}

function revisionOf(content: { revision: string; subject: string } | undefined): string {
  return content === undefined ? 'the revision' : `${shortRevision(content.revision)} (${content.subject})`;
}

/** What is held back, and why; undefined when nothing is. */
export function holdOf(session: Session): DeliveryStatus['hold'] {
  const { record, planTrouble } = session;
  const rejected = rejectedTip(session);
  if (rejected !== undefined) return shownHold(rejected.tip, rejected.cause);
  const { state, tip, cause } = record.standing;
  const known = heldFor(record.standing, tip);
  const isShown = state === 'Held' || state === 'Degraded' || known !== undefined;
  const why = known?.cause ?? (state === 'Held' ? (planTrouble ?? cause) : undefined);
  if (!isShown || tip === undefined || why === undefined) return undefined;
  return shownHold(tip, why);
}

function shownHold({ revision, subject }: Tip, { reason, message }: Cause): DeliveryStatus['hold'] {
  return { revision, subject, reason, message: cut(message, 2000) };
}
