import { nameOf } from '../delivery/delivery.ts';
import { targetOf } from '../delivery/target.ts';
import { isFoundBy } from '../input.ts';
import type { Turn } from '../session.ts';
import { activities } from './activities.ts';
import { stopMeasuring } from './analyse.ts';
import { readTail } from './log-tail.ts';
import { moved, type Plan } from './moves.ts';
import { planTip } from './plan.ts';
import { holdDeadlines } from './progress.ts';
import { type ReleaseRecord, runningSequence } from './record.ts';
import { saveRecord } from './save.ts';
import type { Event, State } from './standing.ts';
import { type Command, next, type Outcome, writeAhead } from './state.ts';
import { tellMove } from './tell.ts';

/** No release moves this often in one turn; if it did, something would go round in circles. */
const mostMoves = 200;

/**
 * Drives a release as far as it goes without waiting: does what its state asks for, moves on by what came of it, and so
 * on. When something must be waited for, `session.waiting` says what, and the turn ends; an event or a timer brings the
 * next one. Where it stands is in the record, so a restart goes on at the same place.
 */
export async function drive(turn: Turn): Promise<void> {
  await advance(turn);
  // Nobody judges by pods any more: their watches are closed.
  const { state } = turn.session.record.standing;
  if (!judging.has(state)) turn.world.rollouts.follow(turn.delivery.uid, '', []);
  if (!measuring.has(state)) stopMeasuring(turn.session);
}

const judging: ReadonlySet<State> = new Set(['Verifying', 'Baking', 'Paused', 'Probation', 'RollbackVerifying']);
const measuring: ReadonlySet<State> = new Set(['Baking', 'Paused']);

async function advance(turn: Turn): Promise<void> {
  const { session } = turn;
  for (let moves = 0; moves < mostMoves; moves += 1) {
    session.waiting = [];
    session.applyTrouble = undefined;
    const tip = tipEvent(turn);
    const { event, plan } = tip === undefined ? await act(turn) : { event: await firstOf(turn, tip), plan: undefined };
    if (event === undefined && tipEvent(turn) !== undefined) continue;
    if (event === undefined || !(await move(turn, event, plan))) return;
  }
  turn.world.log.error({ delivery: nameOf(turn.delivery), state: session.record.standing.state }, 'goes in circles');
}

async function act(turn: Turn): Promise<{ event: Event | undefined; plan?: Plan }> {
  const { standing } = turn.session.record;
  if (standing.state === 'Planning') return plan(turn);
  const event = await activities[standing.state]?.(turn);
  return { event: event !== undefined && isWithheld(turn, event) ? undefined : event };
}

/** How soon a verdict that is withheld is looked at again, in milliseconds. */
const withheldFor = 60_000;

/** A verdict that many would share for one cause is nobody's own: it is not given, and no time runs out, while that lasts. */
function isWithheld(turn: Turn, event: Event): boolean {
  if (event.type !== 'failed') return false;
  const { session, world } = turn;
  const why = world.withholds(event.cause);
  if (why === undefined) return false;
  const message = `${why}; ${event.cause.message}`;
  session.waiting.push(message);
  session.applyTrouble = { reason: 'CircuitOpen', message, stalled: false };
  holdDeadlines(turn, withheldFor);
  return true;
}

/** A newer commit, or other values, end probation well, unless it has just ended badly by its own fault. */
async function firstOf(turn: Turn, tip: Event): Promise<Event> {
  if (turn.session.record.standing.state !== 'Probation') return tip;
  const { event } = await act(turn);
  return event?.type === 'failed' ? event : tip;
}

/** What Git says, when it was not weighed yet or it is time to weigh it again, and the state is one that takes it. */
function tipEvent(turn: Turn): Event | undefined {
  const { delivery, session, world } = turn;
  const { found } = session;
  if (found === undefined || found.tip.revision !== session.tip) return undefined;
  // Before everything is seen nobody knows what was unwell before.
  if (!world.watcher.isComplete(delivery.uid)) return undefined;
  if (!isFoundBy(delivery, found)) {
    // What was found by other settings is nobody's business any more, and neither is what stood against it.
    session.planTrouble = undefined;
    return undefined;
  }
  // What was only guessed is being looked at again.
  if (found.isGuess && session.polling !== undefined) return undefined;
  const isAgain = session.planTrouble?.input === found.input && world.clock.now() >= session.planTrouble.retryAt;
  if (session.weighed === weight(turn) && !isAgain) return undefined;
  // What was weighed before probation began, and not released, does not end it.
  const { standing } = session.record;
  const isSame = standing.tip?.revision === found.tip.revision && standing.tip.input === found.tip.input;
  if (standing.state === 'Probation' && isSame) return undefined;
  const event: Event = { type: 'tip', tip: found.tip };
  return next(standing, event) === undefined ? undefined : event;
}

function weight({ session: { found } }: Turn): string {
  return `${found?.input} ${found?.tip.revision}`;
}

/** Compares the tip with what is known, and plans it when it is news. */
async function plan(turn: Turn): Promise<{ event: Event; plan?: Plan }> {
  const { session } = turn;
  const { found } = session;
  if (found === undefined || found.tip.revision !== session.tip) return { event: { type: 'trouble' } };
  session.weighed = weight(turn);
  session.record = { ...session.record, standing: { ...session.record.standing, tip: found.tip } };
  const compared: Event = { type: 'compared' };
  if (next(session.record.standing, compared) !== undefined) {
    session.planTrouble = undefined;
    return { event: compared };
  }
  turn.world.reach('after-fetch');
  return planTip(turn, found);
}

/**
 * Moves a release on by an event.
 * @returns whether it moved
 */
export async function move(turn: Turn, event: Event, made?: Plan): Promise<boolean> {
  const { delivery, session, world } = turn;
  const before = session.record.standing;
  const outcome = next(before, event);
  if (outcome === undefined) return false;
  const record = moved(session.record, outcome, event, {
    now: world.clock.now(),
    steady: world.clock.steady(),
    deadline: delivery.deadline,
    cap: Math.max(cap, delivery.deadline),
    probation: delivery.rollback.probation,
    history: delivery.history,
    plan: made,
    metrics: delivery.analysis,
  });
  const isFailure = event.type === 'failed' && outcome.commands.includes('hold');
  if (isFailure) world.reach('verdict');
  await keepRecord(turn, isFailure ? { ...record, logTail: await readTail(turn) } : record, outcome);
  if (outcome.commands.includes('begin')) world.reach('plan-stored');
  if (event.type === 'tip' && outcome.standing.state === before.state) {
    session.weighed = weight(turn);
    session.planTrouble = undefined;
  }
  begin(turn, outcome);
  const facts = {
    delivery: nameOf(delivery),
    release: runningSequence(record),
    from: before.state,
    to: outcome.standing.state,
  };
  world.log.info({ ...facts, on: event.type, does: outcome.commands }, 'the release moves');
  tellMove(turn, before, outcome, event);
  return true;
}

/** The longest that a wave may take however much progress it makes, in milliseconds. */
const cap = 30 * 60_000;

/** What is found again after a restart; a line of history counts when there is a new one. */
const idle: ReadonlySet<Command> = new Set(['rename', 'reject']);

async function keepRecord(turn: Turn, record: ReleaseRecord, { commands }: Outcome): Promise<void> {
  const { session } = turn;
  if (commands.some((command) => writeAhead.includes(command))) await saveRecord(turn, record);
  else if (commands.some((command) => !idle.has(command)) || record.history !== session.record.history)
    session.unsaved = true;
  session.record = record;
}

/** What a turn remembers of a wait starts anew with the next one. */
function begin({ delivery, session, world }: Turn, { commands }: Outcome): void {
  if (commands.includes('arm')) session.progress = undefined;
  if (commands.includes('begin') || commands.includes('turnBack')) {
    // A new content brings everything to what it says, also what nobody heals otherwise.
    session.healAsked ||= commands.includes('begin') && !delivery.selfHeal;
    stopMeasuring(session);
    session.signs.clear();
    session.refused.clear();
    session.hookWaits.clear();
    session.unwellSince = undefined;
    session.rollback = { tries: 0, retryAt: 0 };
    session.releaseAt = world.clock.now();
    session.changed = session.releaseAt;
    world.watcher.follow(
      delivery.uid,
      targetOf(delivery),
      session.record.entries,
      world.rules.of(delivery.uid, delivery.rules),
    );
  }
}
