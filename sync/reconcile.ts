import { nameOf, type Request } from './delivery/delivery.ts';
import { targetOf } from './delivery/target.ts';
import { forgetDrift } from './drift.ts';
import { isForbidden, LockstepError } from './errors.ts';
import { findRevision } from './find.ts';
import { healDrift } from './heal.ts';
import { breathe } from './parallel.ts';
import { stopMeasuring } from './release/analyse.ts';
import { stillAsked } from './release/asked.ts';
import { drive, move } from './release/drive.ts';
import { rejected } from './release/history.ts';
import { noteProgress } from './release/progress.ts';
import { carryOut } from './release/requests.ts';
import { saveRecord } from './release/save.ts';
import type { Cause } from './release/standing.ts';
import { lookAtSource, rejectedTip, type Turn } from './session.ts';

const quickest = 1_000;
const retry = 5_000;
/** How long watches may fail before that is told, in milliseconds. */
const lasting = 10_000;

/**
 * One turn of the loop for one Delivery: find what Git says, heal drift, and drive the release as far as it goes. A turn
 * never waits for health or for a slow Git server; it returns, and an event or the timer brings the next one.
 * @returns the milliseconds after which to come back when no event does
 */
export async function reconcile(turn: Turn): Promise<number> {
  const { delivery, session, world } = turn;
  session.lookAt = Number.POSITIVE_INFINITY;
  world.watcher.follow(
    delivery.uid,
    targetOf(delivery),
    session.record.entries,
    world.rules.of(delivery.uid, delivery.rules),
  );
  await takeRequest(turn);
  if (await isSuspended(turn)) return delivery.interval;
  await findRevision(turn);
  noteRejected(turn);
  await healDrift(turn);
  await breathe();
  await drive(turn);
  noteAsked(turn);
  await breathe();
  forgetDrift(turn);
  noteProgress(turn);
  if (session.unsaved) await saveRecord(turn, session.record);
  noteWatches(turn);
  return nextTurn(turn);
}

/** What waits is kept with the record: a restart neither forgets it nor asks for it again. */
function noteAsked({ session }: Turn): void {
  session.syncAsked = stillAsked(session);
  const asked = session.syncAsked?.input === undefined ? undefined : session.syncAsked;
  const { record } = session;
  if (record.asked?.input === asked?.input && record.asked?.plan === asked?.plan) return;
  session.record = { ...record, asked };
  session.unsaved = true;
}

/** A new generation or a request asks for everything to be looked at now. */
async function takeRequest(turn: Turn): Promise<void> {
  const { delivery, session, world } = turn;
  const { request } = delivery;
  const isNewSpec = session.generation !== delivery.generation;
  const isNew = (text: string): boolean =>
    ![delivery.acknowledged, session.handled, session.record.lastRequest].includes(text);
  const isAsked = request !== undefined && isNew(request.text);
  if (isAsked) {
    const refusal = await carryOutOnce(turn, request);
    if (refusal !== undefined) world.event('Warning', refusal.reason, `${request.verb}: ${refusal.message}`);
    session.refusal = refusal?.message;
    session.handled = request.text;
  }
  if (!isAsked && !isNewSpec) return;
  if (isNewSpec) session.polling = undefined;
  // Of who begins, what was asked for since it was first seen will do.
  const seenAt = session.generation === 0 && !isAsked ? session.heardAt : undefined;
  session.generation = delivery.generation;
  lookAtSource(session, seenAt ?? world.clock.steady());
  session.credentials.clear();
  session.unreadable = undefined;
  if (session.planTrouble !== undefined) session.planTrouble = { ...session.planTrouble, retryAt: 0 };
}

/** Noted with the move that the request asks for, so that no restart carries it out twice; not noted where that failed. */
async function carryOutOnce(turn: Turn, request: Request): Promise<Cause | undefined> {
  const { session } = turn;
  const { lastRequest } = session.record;
  // What a sync asks for is in memory only: after a restart everything is looked at anyway.
  if (request.verb !== 'sync') session.record = { ...session.record, lastRequest: request.text };
  try {
    return await carryOut(turn, request);
  } catch (error) {
    session.record = { ...session.record, lastRequest };
    throw error;
  }
}

/** Whether everything stands still, by the spec or by a request. Clocks stop, and go on. */
async function isSuspended(turn: Turn): Promise<boolean> {
  const { delivery, session, world } = turn;
  const isWanted = delivery.suspended || session.record.isSuspended;
  const is = session.record.standing.state === 'Suspended';
  if (isWanted !== is) await move(turn, { type: isWanted ? 'suspend' : 'resume' });
  if (isWanted) {
    // How long something has been wrong is not counted either.
    world.rollouts.follow(delivery.uid, '', []);
    session.signs.clear();
    stopMeasuring(session);
  }
  return isWanted;
}

/** A content that can't be understood never reaches a plan: that it was rejected stands in history all the same. */
function noteRejected({ delivery, session, world }: Turn): void {
  const found = rejectedTip(session);
  if (found === undefined) return;
  const ending = { now: world.clock.now(), history: delivery.history };
  const record = rejected(session.record, found.tip, found.cause, ending);
  session.unsaved ||= record !== session.record;
  session.record = record;
}

/** What can't be watched is said, once it lasts: a moment's trouble of the API server is nobody's business. */
function noteWatches({ delivery, session, world }: Turn): void {
  const troubles = world.watcher.troubles(delivery.uid);
  if (troubles.length === 0) {
    session.watchTrouble = undefined;
    session.blindSince = undefined;
    return;
  }
  session.blindSince ??= world.clock.now();
  const isRefused = troubles.some(({ error }) => isForbidden(error));
  const isLasting = isRefused || world.clock.now() - session.blindSince > lasting;
  if (!isLasting) return;
  const message = troubles.map(({ kind, error }) => `${kind} can't be watched: ${error.message}`).join('; ');
  const first = troubles[0]?.error;
  const reason = first instanceof LockstepError ? first.code : isRefused ? 'Forbidden' : 'ClusterUnavailable';
  if (session.watchTrouble?.message !== message)
    world.log.warn({ delivery: nameOf(delivery), problem: message }, 'objects can not be watched');
  session.watchTrouble = { reason, message, stalled: false };
}

function nextTurn({ session, world }: Turn): number {
  const now = world.clock.now();
  const times = [session.pollAt - now];
  const isPlanned = session.found?.tip.revision === session.tip;
  if (session.planTrouble !== undefined && isPlanned) times.push(session.planTrouble.retryAt - now);
  const isWaiting = session.waiting.length > 0 || session.heals.size > 0;
  if (isWaiting || session.applyTrouble !== undefined || session.healTrouble !== undefined) times.push(retry);
  if (session.blindSince !== undefined) times.push(retry);
  for (const { lookAgainAt } of session.drift.values()) times.push(lookAgainAt - now);
  const soonest = Math.max(quickest, Math.min(...times));
  // What is known to end at a time is looked at then, not a moment later.
  return Math.max(0, Math.min(soonest, session.lookAt - world.clock.steady()));
}
