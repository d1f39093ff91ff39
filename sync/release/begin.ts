import type { Applier } from '../apply/entry.ts';
import { type BackOff, delayAfter } from '../back-off.ts';
import { identityOf, nameOf } from '../delivery/delivery.ts';
import { inOneLine, LockstepError } from '../errors.ts';
import { isFoundBy } from '../find.ts';
import { changedEntries, entriesFor, type PlanItem, planLeftAlone, planLine, planPrune } from '../plan/plan.ts';
import { pruneRefusal } from '../plan/prune.ts';
import { type Refusal, tryEntries } from '../plan/try.ts';
import type { Found, PlanTrouble, Turn } from '../session.ts';
import { shortUid } from '../stamp.ts';
import type { Ended, Entry, ReleaseRecord, Target } from './record.ts';

/** Requests in flight at once for one Delivery. */
export const parallelRequests = 24;

const backOff: BackOff = { first: 10_000, longest: 600_000 };

/**
 * Plans the revision that was found, and makes it the target when nothing stands against it. Until then nothing in the
 * cluster is touched. A plan that fails is tried again with back-off, and at once for a newer revision.
 */
export async function beginRelease(turn: Turn): Promise<void> {
  const { delivery, session, world } = turn;
  const { found, record } = session;
  if (found === undefined || found.commit.revision !== session.tip) return;
  if (!isFoundBy(delivery, found)) {
    // What was found by other settings is nobody's business any more, and neither is what stood against it.
    session.planTrouble = undefined;
    return;
  }
  if (record.target?.input === found.input) return keepRevision(turn, found);
  // What was only guessed is being looked at again.
  if (found.isGuess && session.polling !== undefined) return;
  if (session.planTrouble?.input === found.input && world.clock.now() < session.planTrouble.retryAt) return;
  const entries = entriesFor(found.desired, record, found.skipped);
  const leftAlone = planLeftAlone(record, found.skipped);
  try {
    refuseMassPrune(found.desired.length + leftAlone.length, record, entries);
    const items = [...(await planEntries(turn, entries)), ...leftAlone, ...planPrune(entries, delivery.prune)];
    await startRelease(turn, found, entries, items);
    session.planTrouble = undefined;
  } catch (error) {
    session.planTrouble = planTrouble(turn, error, found.input);
    // A guess about a kind that is still not served must not outlive the next look.
    if (found.isGuess) session.pollAt = Math.min(session.pollAt, session.planTrouble.retryAt);
    const problem = session.planTrouble.message;
    world.log.warn({ delivery: nameOf(delivery), problem }, 'the revision can not be released');
  }
}

/** Another commit with the same content: it is the target without any work. */
function keepRevision({ session }: Turn, found: Found): void {
  session.planTrouble = undefined;
  const { target } = session.record;
  if (target === undefined || target.revision === found.commit.revision) return;
  const { revision, author, subject } = found.commit;
  const good = session.record.good?.revision === target.revision ? { good: { ...session.record.good, revision } } : {};
  session.record = { ...session.record, target: { ...target, revision, author, subject }, ...good };
}

function refuseMassPrune(wanted: number, record: ReleaseRecord, entries: ReadonlyMap<string, Entry>): void {
  const held = [...record.entries.values()].filter((entry) => entry.applied !== undefined).length;
  const leaving = [...entries.values()].filter(
    (entry) => entry.removed && entry.applied !== undefined && record.entries.get(entry.key)?.removed === false,
  ).length;
  const refusal = pruneRefusal(wanted, held, leaving);
  if (refusal !== undefined) throw new LockstepError(refusal.code, refusal.message);
}

async function planEntries(turn: Turn, entries: ReadonlyMap<string, Entry>): Promise<PlanItem[]> {
  const { session, world } = turn;
  const trial = {
    ...applierOf(turn),
    kinds: world.kinds,
    stamp: stampOf(turn, session.record.sequence + 1),
    parallel: parallelRequests,
  };
  const { items, refusals } = await tryEntries(changedEntries(entries), entries, trial);
  if (refusals.length > 0) throw refusalError(refusals);
  return items;
}

/** For which Delivery a turn applies, and as whom. */
export function applierOf({ delivery, world }: Turn): Applier {
  return { cluster: world.cluster(identityOf(delivery)), uid: delivery.uid, adopt: delivery.adopt };
}

/** What a release of this Delivery writes on the objects that it changes. */
export function stampOf({ delivery }: Turn, release: number) {
  return { shortUid: shortUid(delivery.uid), owner: nameOf(delivery), release };
}

/** One reason where all refusals share it; otherwise whether waiting may help. */
function refusalError(refusals: readonly Refusal[]): LockstepError {
  const isPermanent = refusals.some((refusal) => refusal.permanent);
  const [code = 'Blocked', ...others] = new Set(refusals.map((refusal) => refusal.code));
  const shared = others.length === 0 ? code : isPermanent ? 'ApplyRefused' : 'Blocked';
  return new LockstepError(shared, inOneLine(refusals.map((refusal) => refusal.message)));
}

function planTrouble({ session, world }: Turn, error: unknown, input: string): PlanTrouble {
  const message = error instanceof Error ? error.message : String(error);
  const known = error instanceof LockstepError ? error : new LockstepError('ClusterUnavailable', message);
  const tries = session.planTrouble?.input === input ? session.planTrouble.tries + 1 : 1;
  const retryAt = world.clock.now() + delayAfter(tries, backOff);
  return { reason: known.code, message: known.message, stalled: !known.retryable, input, retryAt, tries };
}

function countActions(items: readonly PlanItem[], entries: ReadonlyMap<string, Entry>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item.action] = (counts[item.action] ?? 0) + 1;
  const planned = new Set(items.map((item) => item.key));
  const unplanned = [...entries.keys()].filter((key) => !planned.has(key)).length;
  const unchanged = unplanned + (counts['unchanged'] ?? 0);
  return unchanged > 0 ? { ...counts, unchanged } : counts;
}

/** Write-ahead: the stored record names every object that may be touched before the first one is. */
async function startRelease(
  turn: Turn,
  found: Found,
  entries: Map<string, Entry>,
  items: readonly PlanItem[],
): Promise<void> {
  const { delivery, session, world } = turn;
  const now = world.clock.now();
  const { revision, author, subject } = found.commit;
  const target: Target = { revision, author, subject, input: found.input, startedAt: now };
  const record: ReleaseRecord = {
    ...session.record,
    sequence: session.record.sequence + 1,
    phase: 'Releasing',
    target,
    entries,
    history: historyBefore(session.record, now),
    actions: countActions(items, entries),
  };
  for (const item of items) {
    const facts = { delivery: nameOf(delivery), release: record.sequence };
    world.log.info({ ...facts, plan: planLine(item), patch: item.patch }, 'planned');
  }
  await saveRecord(turn, record);
  session.record = record;
  session.progressAt = now;
  session.releaseAt = now;
  session.tried.clear();
  for (const item of items) if (!item.deferred) session.tried.add(item.key);
  world.watcher.follow(delivery.uid, identityOf(delivery), entries);
}

/**
 * Whoever asks for a sync wants a Job that failed, and is gone since, to be tried once more: by the release that runs, or
 * by a new one of the same revision.
 */
export async function retryFailedJobs(turn: Turn): Promise<void> {
  const { record } = turn.session;
  const failed = [...record.entries.values()].filter((entry) => !entry.removed && entry.applied?.spent === 'JobFailed');
  if (failed.length === 0) return;
  const entries = new Map(record.entries);
  for (const entry of failed) entries.set(entry.key, { ...entry, applied: undefined });
  const next = record.phase === 'Releasing' ? { ...record, entries } : anotherRelease(turn, entries, failed.length);
  await saveRecord(turn, next);
  turn.session.record = next;
}

/** A new release of the same revision, which makes some of its objects again. */
function anotherRelease({ session, world }: Turn, entries: Map<string, Entry>, create: number): ReleaseRecord {
  const { record } = session;
  const target = record.target === undefined ? undefined : { ...record.target, startedAt: world.clock.now() };
  const unchanged = entries.size - create;
  const actions = { create, ...(unchanged > 0 ? { unchanged } : {}) };
  return { ...record, phase: 'Releasing', sequence: record.sequence + 1, target, entries, actions };
}

/** A release that is begun while another one runs supersedes it. */
function historyBefore(record: ReleaseRecord, now: number): readonly Ended[] {
  if (record.phase !== 'Releasing' || record.target === undefined) return record.history;
  return [ended(record, record.target, 'Superseded', now), ...record.history].slice(0, 10);
}

/** A line of history. */
export function ended(record: ReleaseRecord, target: Target, verdict: Ended['verdict'], now: number): Ended {
  const { revision, author, subject } = target;
  return { sequence: record.sequence, revision, author, subject, verdict, time: new Date(now).toISOString() };
}

/** Stores a record. Only when that worked may anything rest on it. */
export async function saveRecord({ delivery, session, world }: Turn, record: ReleaseRecord): Promise<void> {
  await world.records.save(delivery.uid, record);
  session.unsaved = false;
}
