import { passesGate } from '../../health/scale.ts';
import { allTaken } from '../apply/taken.ts';
import { type BackOff, delayAfter } from '../back-off.ts';
import { nameOf } from '../delivery/delivery.ts';
import { inOneLine, LockstepError, messageOf } from '../errors.ts';
import { type Draft, draft } from '../plan/draft.ts';
import { type PlanItem, planLine } from '../plan/plan.ts';
import type { Refusal } from '../plan/try.ts';
import type { Found, PlanTrouble, Turn } from '../session.ts';
import { dependencyGate, type Gate, planGate } from './gates.ts';
import type { Plan } from './moves.ts';
import { type Entry, isPending, isUnderWay, mostLines, wavesOf } from './record.ts';
import type { Event, Release } from './standing.ts';
import { isSame } from './state.ts';
import { applierOf, parallelRequests, stampOf } from './write.ts';

const backOff: BackOff = { first: 10_000, longest: 600_000 };

/**
 * Plans the tip: tries everything that would change by a dry-run, and touches nothing. A plan that fails is tried again
 * with back-off, and at once for a newer revision.
 * @returns the plan that stands, with the event that says so; or the event that says why there is none
 */
export async function planTip(turn: Turn, found: Found): Promise<{ event: Event; plan?: Plan }> {
  const { session } = turn;
  const dependency = dependencyGate(turn, found.tip);
  if (dependency !== undefined) return wait(turn, found, dependency);
  try {
    const plan = await makePlan(turn, found);
    session.planTrouble = undefined;
    const gate = planGate(turn, plan);
    if (gate !== undefined) return wait(turn, found, gate);
    return { event: { type: 'planned', release: plan.release, waves: wavesOf(plan.entries).length }, plan };
  } catch (error) {
    const trouble = troubleOf(turn, error, found.input);
    session.planTrouble = trouble;
    // A guess about a kind that is still not served must not outlive the next look.
    if (found.isGuess) session.pollAt = Math.min(session.pollAt, trouble.retryAt);
    const { reason, message } = trouble;
    turn.world.log.warn({ delivery: nameOf(turn.delivery), problem: message }, 'the revision can not be released');
    const cause = { reason, message };
    if (reason === 'ClusterUnavailable') return { event: { type: 'trouble' } };
    return { event: trouble.stalled ? { type: 'rejected', cause } : { type: 'blocked', cause } };
  }
}

/** A plan may be another one by the time that its gate opens: it is made again then. */
function wait({ session }: Turn, { input }: Found, { cause, stalled, until }: Gate): { event: Event } {
  session.planTrouble = { ...cause, stalled, input, retryAt: until, tries: 1 };
  return { event: { type: 'blocked', cause } };
}

async function makePlan(turn: Turn, found: Found): Promise<Plan> {
  const { delivery, session, world } = turn;
  const { record } = session;
  const stamp = stampOf(turn, record.sequence + 1);
  const trial = { ...applierOf(turn), kinds: world.kinds, stamp, parallel: parallelRequests };
  const drafted = await draft({ ...found, deletion: delivery.set?.deletion }, record, trial, delivery.prune);
  const { entries, items, refusals, hash } = drafted;
  if (refusals.length > 0) throw refusalError(refusals);
  const release: Release = {
    ...found.tip,
    sequence: record.sequence + 1,
    startedAt: world.clock.now(),
    ...(record.approved?.plan === hash ? { approvedBy: record.approved.by } : {}),
    ...(isSame(record.standing.accepted, found.tip) ? { accepted: record.standing.accepted } : {}),
  };
  session.tried.clear();
  for (const item of items) if (!item.deferred) session.tried.add(item.key);
  const lines = items.filter(({ action }) => action !== 'unchanged').map(planLine);
  for (const item of items) {
    const facts = { delivery: nameOf(delivery), release: release.sequence };
    world.log.info({ ...facts, object: item.key, action: item.action }, 'planned');
    world.log.debug({ ...facts, plan: planLine(item), patch: item.patch }, 'planned in full');
  }
  return {
    release,
    entries: withOrigins(drafted),
    actions: countActions(items, entries),
    lines: lines.length > mostLines ? [...lines.slice(0, mostLines), `and ${lines.length - mostLines} more`] : lines,
    baseline: unwellBefore(turn, entries),
    hash,
  };
}

/**
 * Write-ahead: who will have made an object is known before it is made, should its answer be lost; and what it was before
 * it is taken over, or fields of it are, should it have to be given back.
 */
function withOrigins({ entries, items, found, taken }: Draft): Map<string, Entry> {
  for (const [key, theirs] of taken) {
    const entry = entries.get(key);
    if (entry !== undefined) entries.set(key, { ...entry, ...allTaken(entry.taken, theirs) });
  }
  for (const { key, action } of items) {
    const entry = entries.get(key);
    if (entry === undefined || entry.origin !== undefined || entry.applied !== undefined) continue;
    if (action === 'create') entries.set(key, { ...entry, origin: 'created' });
    const before = found.get(key);
    const given = before === undefined ? {} : { found: before };
    if (action === 'adopt') entries.set(key, { ...entry, origin: 'adopted', ...given });
  }
  return entries;
}

/** What was not well before and is not touched is nobody's failure. */
function unwellBefore({ delivery, session, world }: Turn, entries: ReadonlyMap<string, Entry>): string[] {
  // What a release under way has broken since is no excuse for the next one.
  const known = isUnderWay(session.record) ? new Set(session.record.baseline) : undefined;
  const isUnwell = (entry: Entry): boolean => {
    if (isPending(entry) || entry.touched === true || entry.removed) return false;
    if (known !== undefined) return known.has(entry.key);
    const health = world.watcher.live(delivery.uid, entry.key)?.health;
    // What is not seen now may turn out to have been unwell.
    return health === undefined || !passesGate(health);
  };
  return [...entries.values().filter(isUnwell)].map(({ key }) => key);
}

/** One reason where all refusals share it; otherwise whether waiting may help. */
function refusalError(refusals: readonly Refusal[]): LockstepError {
  const isPermanent = refusals.some((refusal) => refusal.permanent);
  const [code = 'Blocked', ...others] = new Set(refusals.map((refusal) => refusal.code));
  const shared = others.length === 0 ? code : isPermanent ? 'ApplyRefused' : 'Blocked';
  return new LockstepError(shared, inOneLine(refusals.map((refusal) => refusal.message)));
}

function troubleOf({ session, world }: Turn, error: unknown, input: string): PlanTrouble {
  const known = error instanceof LockstepError ? error : new LockstepError('ClusterUnavailable', messageOf(error));
  const tries = session.planTrouble?.input === input ? session.planTrouble.tries + 1 : 1;
  const retryAt = world.clock.now() + delayAfter(tries, backOff);
  return { reason: known.code, message: known.message, stalled: !known.retryable, input, retryAt, tries };
}

function countActions(items: readonly PlanItem[], entries: ReadonlyMap<string, Entry>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item.action] = (counts[item.action] ?? 0) + 1;
  const planned = new Set(items.map((item) => item.key).filter((key) => entries.has(key)));
  const unplanned = entries.size - planned.size;
  const unchanged = unplanned + (counts['unchanged'] ?? 0);
  return unchanged > 0 ? { ...counts, unchanged } : counts;
}
