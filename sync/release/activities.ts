import { targetOf } from '../delivery/target.ts';
import { inOneLine, messageOf } from '../errors.ts';
import { isForward } from '../hooks/phases.ts';
import { endHooks, runHook, runPhase, settleHooks } from '../hooks/run.ts';
import { breathe } from '../parallel.ts';
import { lookAgainAt, type Turn } from '../session.ts';
import { analyse, isMeasurable } from './analyse.ts';
import { applyWaves, type Progress, unwellness } from './apply.ts';
import { holdDeadlines } from './progress.ts';
import { pruneFirst, pruneRemoved } from './prune.ts';
import { type Entry, irreversibleHook, isUnderWay, wavesOf } from './record.ts';
import { cleanUp, freeStuckPods, rollBack } from './rollback.ts';
import type { Event, State } from './standing.ts';
import { isWorkload, judge } from './verify.ts';
import { applyWanted } from './write.ts';

/** What is done in a state, as far as it goes without waiting; the event that it leads to, if it leads to one now. */
type Activity = (turn: Turn) => Promise<Event | undefined>;

/** What is done while a state lasts. Planning is in drive.ts; what is missing here does nothing. */
export const activities: Partial<Record<State, Activity>> = {
  Synced: pruneAgain,
  Held: pruneAgain,
  Applying: apply,
  Verifying: verify,
  Baking: bake,
  Paused: pause,
  Probation: watchProbation,
  Pruning: prune,
  Failing: stop,
  RollingBack: rollBack,
  RollbackVerifying: verifyRollback,
  Degraded: driveOn,
};

async function apply(turn: Turn): Promise<Event | undefined> {
  const { wave } = turn.session.record.standing;
  if (turn.delivery.prune && wave === 0 && !(await pruneFirst(turn))) return eventOf(turn, 'waiting');
  return eventOf(turn, await applyWaves(turn, wave, applyForward));
}

/** A hook runs once; all else is applied until it is as it shall be. */
function applyForward(turn: Turn, entry: Entry): Promise<void> {
  return entry.hook === undefined ? applyWanted(turn, entry) : runHook(turn, entry);
}

function eventOf(turn: Turn, progress: Progress): Event | undefined {
  if (progress === 'applied') return { type: 'applied' };
  if (progress !== 'waiting') return { type: 'failed', cause: progress };
  const late = overdue(turn);
  // What could not be applied can't be waived.
  return late?.type === 'failed' ? late : undefined;
}

/** Whether watches have yet to tell what there is, or tell nothing since the cluster is silent: then nothing is judged. */
function isBlind({ delivery, session, world }: Turn): boolean {
  if (world.isSilent()) {
    session.waiting.push('an answer of the cluster');
    return true;
  }
  if (world.watcher.isComplete(delivery.uid)) return false;
  session.waiting.push('a first look at what there is');
  return true;
}

async function verify(turn: Turn): Promise<Event | undefined> {
  const { session } = turn;
  // What drifted out of sight, or has to be made again, is applied before it is looked at.
  const { wave } = session.record.standing;
  const progress = await applyWaves(turn, wave, applyForward);
  if (progress !== 'applied') return eventOf(turn, progress);
  const lost = await settleHooks(turn);
  if (lost !== undefined) return { type: 'failed', cause: lost };
  const reached = new Set(wavesOf(session.record.entries).slice(0, wave + 1));
  const entries = touched(turn).filter(({ wave: own }) => reached.has(own));
  await freeStuckPods(turn, entries);
  await lookAtUnseen(turn, entries);
  await breathe();
  return waitFor(turn, entries);
}

/** What can't be watched was seen when it was applied; after a restart it is read once more. */
async function lookAtUnseen(turn: Turn, entries: readonly Entry[]): Promise<void> {
  const { delivery, session, world } = turn;
  if (!world.watcher.isComplete(delivery.uid)) return;
  const kinds = new Set(world.watcher.troubles(delivery.uid).map(({ kind }) => kind));
  if (kinds.size === 0) return;
  for (const { key, ref } of entries) {
    if (!kinds.has(ref.kind) || world.watcher.live(delivery.uid, key) !== undefined) continue;
    const live = await world
      .cluster(targetOf(delivery))
      .get(ref)
      .catch((error: unknown) => void session.waiting.push(messageOf(error)));
    if (live !== undefined) world.watcher.learn(delivery.uid, key, live);
  }
}

/** Healthy, failed, or still waiting: then the deadline counts. */
function waitFor(turn: Turn, entries: readonly Entry[]): Event | undefined {
  if (isBlind(turn)) return undefined;
  const { waiting, failure } = judge(turn, entries);
  turn.session.waiting.push(...waiting);
  if (failure !== undefined) return { type: 'failed', cause: failure };
  return turn.session.waiting.length === 0 ? { type: 'healthy' } : overdue(turn);
}

/** A wait that made no progress for too long, or lasts too long in all, has failed. */
function overdue({ session, world }: Turn): Event | undefined {
  const { deadline, cap } = session.record.clocks;
  const end = Math.min(deadline, cap);
  if (world.clock.steady() < end) {
    lookAgainAt(session, end);
    return undefined;
  }
  const reason = 'ProgressDeadlineExceeded';
  if (session.record.standing.target?.accepted?.check === reason) return { type: 'healthy' };
  const message = `no progress in time: ${[...new Set(session.waiting)].slice(0, 10).join('; ') || 'still applying'}`;
  return { type: 'failed', cause: { reason, message } };
}

/** What is on its way out may be held by somebody who is not there any more: it is not waited for for ever. */
function isLate({ session, world }: Turn): boolean {
  const { deadline } = session.record.clocks;
  if (world.clock.steady() >= deadline) return true;
  lookAgainAt(session, deadline);
  return false;
}

function wanted({ session }: Turn): Entry[] {
  // A hook that this release does not run says nothing of it.
  return [...session.record.entries.values()].filter(
    ({ removed, hook, touched: isTouched }) => !removed && (hook === undefined || isTouched === true),
  );
}

/** What was changed since good was verified, or is being changed back. */
function touched(turn: Turn): Entry[] {
  return wanted(turn).filter(({ touched: isTouched, wave }) => isTouched === true && isForward(wave));
}

function changesWorkload(turn: Turn): boolean {
  return touched(turn).some(isWorkload);
}

/** The whole app must be healthy, and stay so for one steady window. What was unwell before and is not touched does not count. */
async function bake(turn: Turn): Promise<Event | undefined> {
  const { delivery, session, world } = turn;
  if (isBlind(turn)) return undefined;
  await lookAtUnseen(turn, touched(turn));
  const baseline = new Set(session.record.baseline);
  // What can't be watched is not seen; that is told elsewhere, and nobody's failure.
  const isSeen = ({ key }: Entry): boolean => world.watcher.live(delivery.uid, key) !== undefined;
  const event = waitFor(
    turn,
    wanted(turn).filter((entry) => entry.touched === true || (!baseline.has(entry.key) && isSeen(entry))),
  );
  if (event?.type === 'failed') return event;
  const isWell = event?.type === 'healthy';
  const window = (changesWorkload(turn) ? delivery.steady : 0) + delivery.bake;
  const isOver = isSteady(turn, isWell, window);
  const analysis = analyse(turn, { isWell, isOver });
  if (typeof analysis !== 'string') return analysis;
  return isOver && analysis === 'passed' ? { type: 'healthy' } : undefined;
}

/** Paused since it can't be told how good a release is. That it fails is seen all the same; and some waits end by themselves. */
async function pause(turn: Turn): Promise<Event | undefined> {
  if (isBlind(turn)) return undefined;
  const { cause } = turn.session.record.standing;
  const { failure } = judge(turn, touched(turn));
  if (failure !== undefined) return { type: 'failed', cause: failure };
  return cause?.reason === 'AnalysisError' && isMeasurable(turn) ? { type: 'resume' } : undefined;
}

/** Whether all has been well for a window, in milliseconds. While it is well, no deadline runs. */
function isSteady(turn: Turn, isWell: boolean, window: number): boolean {
  const { session, world } = turn;
  const now = world.clock.steady();
  const since = isWell ? (session.record.clocks.well ?? now) : undefined;
  noteWell(turn, since);
  if (since === undefined) return false;
  // A person let the deadline itself pass: what is not well yet holds it up no longer.
  if (session.waiting.length === 0) holdDeadlines(turn);
  const until = since + window;
  if (now >= until) return true;
  lookAgainAt(session, until);
  session.waiting.push(`everything is healthy, and must stay so until ${new Date(until).toISOString()}`);
  return false;
}

/** A restart goes on with a long wait where it was. */
function noteWell({ delivery, session }: Turn, well: number | undefined): void {
  const { clocks } = session.record;
  if (clocks.well === well) return;
  session.record = { ...session.record, clocks: { ...clocks, well } };
  if (delivery.bake > 0) session.unsaved = true;
}

/** Only a signal that lasts ends probation badly: what is slow to come back does not. */
async function watchProbation(turn: Turn): Promise<Event | undefined> {
  const { session, world } = turn;
  if (isBlind(turn)) return undefined;
  const { failure } = judge(turn, touched(turn));
  if (failure !== undefined) return { type: 'failed', cause: failure };
  const until = session.record.clocks.probation;
  if (!changesWorkload(turn) || world.clock.steady() >= until) return { type: 'ended' };
  lookAgainAt(session, until);
  return undefined;
}

/** What is on its way out is waited for; what can't be deleted stays on the list and is tried again later. */
async function prune(turn: Turn): Promise<Event | undefined> {
  turn.world.reach('mid-prune');
  const isDone = await pruneRemoved(turn);
  if (!isDone && isLate(turn)) notePruneIncomplete(turn);
  return isDone || turn.session.applyTrouble !== undefined ? { type: 'pruned' } : undefined;
}

/** What could not be deleted when the release became good. What is not verified deletes nothing. */
async function pruneAgain(turn: Turn): Promise<undefined> {
  if (isUnderWay(turn.session.record)) return;
  if (!(await pruneRemoved(turn))) notePruneIncomplete(turn);
}

function notePruneIncomplete({ session }: Turn): void {
  const message = inOneLine(session.waiting);
  session.applyTrouble ??= { reason: 'PruneIncomplete', message, stalled: false };
}

/** Nothing of a failed release runs but what the cluster does; what comes next is up to spec.rollback. */
async function stop(turn: Turn): Promise<Event | undefined> {
  const { delivery } = turn;
  if (!(await endHooks(turn))) return undefined;
  if ((await runPhase(turn, 'SyncFail')) === 'waiting') return undefined;
  const { mode, onFirstFailure } = delivery.rollback;
  const mayByItself = irreversibleHook(turn.session.record) === undefined;
  return {
    type: 'stopped',
    isAutomatic: mode === 'auto' && mayByItself,
    clearsFirst: onFirstFailure === 'delete' && mayByItself,
  };
}

async function verifyRollback(turn: Turn): Promise<Event | undefined> {
  const { session } = turn;
  if (session.record.standing.isCleaning) return cleanUp(turn, isLate(turn));
  const entries = touched(turn);
  await freeStuckPods(turn, entries);
  await lookAtUnseen(turn, entries);
  return waitFor(turn, entries);
}

/**
 * Drives on to the target, with back-off: good once more after a rollback that failed, or what there is of a first release.
 * Steadily healthy, it is held.
 */
async function driveOn(turn: Turn): Promise<Event | undefined> {
  const { delivery, session } = turn;
  if (session.record.standing.bad !== undefined) {
    const event = await rollBack(turn);
    if (event?.type !== 'applied') return undefined;
    await freeStuckPods(turn, touched(turn));
  }
  if (isBlind(turn)) return undefined;
  const there = touched(turn).filter(({ applied }) => applied !== undefined);
  const unwell = there.flatMap((entry) => unwellness(turn, entry) ?? []);
  session.waiting.push(...unwell);
  const isWell = unwell.length === 0 && there.length > 0;
  return isSteady(turn, isWell, delivery.steady) ? { type: 'healthy' } : undefined;
}
