import type { Delivery } from './delivery/delivery.ts';
import type { DeliveryCondition } from './delivery/schema.ts';
import { inOneLine } from './errors.ts';
import type { Session, Trouble } from './session.ts';

/** What the status says in one line, before it is put into conditions. */
export interface Summary {
  readonly state: string;
  readonly ready: DeliveryCondition['status'];
  readonly reason: string;
  readonly message: string;
  readonly reconciling: boolean;
  readonly stalled: boolean;
}

const shownParts = 10;

/** One state, one reason and one message for everything that a session knows. */
export function summarize(delivery: Delivery, session: Session, now: number): Summary {
  const { record, waiting } = session;
  const base = { ready: 'False' as const, reconciling: false, stalled: false };
  if (delivery.deleting) {
    return {
      ...base,
      state: 'Deleting',
      reconciling: true,
      reason: 'Deleting',
      message: inOneLine(waiting, shownParts) || 'is being deleted',
    };
  }
  if (delivery.suspended) {
    return { ...base, state: 'Suspended', ready: 'Unknown', reason: 'Suspended', message: 'suspended by spec.suspend' };
  }
  const state = stateOf(session);
  const trouble = worstTrouble(session);
  if (trouble !== undefined) return { ...base, ...fromTrouble(trouble), state };
  if (record.phase === 'Releasing')
    return { ...base, reconciling: true, state, ...waitingReason(delivery, session, now) };
  if (record.target === undefined) {
    return { ...base, reconciling: true, state, reason: 'Planning', message: 'the source is being read' };
  }
  const { revision, author, subject } = record.target;
  const message = `release ${record.sequence}: ${revision.slice(0, 12)} by ${author}: ${subject}`;
  const drift = inOneLine([...session.drift.values()].map(({ text }) => text).sort(), shownParts);
  if (drift === '') return { ...base, ready: 'True', state, reason: 'Synced', message };
  return { ...base, ready: 'True', state, reason: 'Drifted', message: `${message}; drift is not undone: ${drift}` };
}

/** The one trouble to show: that of the newest revision before that of an older one, that of the source last. */
function worstTrouble(session: Session): Trouble | undefined {
  const { sourceTrouble, planTrouble, applyTrouble, healTrouble, watchTrouble } = session;
  const isNewer = session.tip !== session.found?.commit.revision;
  return (
    (isNewer ? sourceTrouble : undefined) ?? planTrouble ?? applyTrouble ?? healTrouble ?? sourceTrouble ?? watchTrouble
  );
}

function stateOf(session: Session): string {
  const { record, planTrouble, applyTrouble } = session;
  if (planTrouble !== undefined && worstTrouble(session) === planTrouble)
    return planTrouble.stalled ? 'Held' : 'Blocked';
  if (record.phase === 'Releasing') return applyTrouble === undefined ? 'Verifying' : 'Applying';
  return record.target === undefined ? 'Planning' : 'Synced';
}

function fromTrouble(trouble: Trouble): Pick<Summary, 'reason' | 'message' | 'stalled' | 'reconciling'> {
  return { reason: trouble.reason, message: trouble.message, stalled: trouble.stalled, reconciling: !trouble.stalled };
}

function waitingReason(delivery: Delivery, session: Session, now: number): { reason: string; message: string } {
  const late = now - session.progressAt > delivery.deadline;
  const message = inOneLine(session.waiting, shownParts) || 'applying';
  if (!late) return { reason: 'Progressing', message: `waiting for ${message}` };
  return {
    reason: 'ProgressDeadlineExceeded',
    message: `no progress since ${new Date(session.progressAt).toISOString()}: ${message}`,
  };
}
