import { type Delivery, identityOf } from '../delivery/delivery.ts';
import { LockstepError } from '../errors.ts';
import { changedEntries, entriesFor, type PlanItem, planLine, planPrune } from '../plan/plan.ts';
import { pruneRefusal } from '../plan/prune.ts';
import { type Refusal, tryEntries } from '../plan/try.ts';
import type { Found, Session, World } from '../session.ts';
import { shortUid } from '../stamp.ts';
import type { Entry, ReleaseRecord, Target } from './record.ts';

/** Requests in flight at once for one Delivery. */
export const parallelRequests = 24;

const backOff = { first: 10_000, longest: 600_000 };

/**
 * Plans the revision that was found, and makes it the target when nothing stands against it. Until then nothing in the
 * cluster is touched. A plan that fails is tried again with back-off, and at once for a newer revision.
 */
export async function beginRelease(delivery: Delivery, session: Session, world: World): Promise<void> {
  const { found, record } = session;
  if (found === undefined || found.commit.revision !== session.tip) return;
  if (record.target?.input === found.input) return keepRevision(session, found);
  if (session.planTrouble?.input === found.input && world.clock.now() < session.planTrouble.retryAt) return;
  const entries = entriesFor(found.desired, record);
  try {
    refuseMassPrune(found, record, entries);
    await requireAccount(delivery, world);
    const items = await planEntries(delivery, session, world, entries);
    session.planTrouble = undefined;
    await startRelease(delivery, session, world, found, entries, items);
  } catch (error) {
    session.planTrouble = planTrouble(error, session, found.input, world.clock.now());
    world.log.warn(
      { delivery: `${delivery.namespace}/${delivery.name}`, problem: session.planTrouble.message },
      'the revision can not be released',
    );
  }
}

/** Another commit with the same content: it is the target without any work. */
function keepRevision(session: Session, found: Found): void {
  session.planTrouble = undefined;
  const { target } = session.record;
  if (target === undefined || target.revision === found.commit.revision) return;
  const { revision, author, subject } = found.commit;
  const good = session.record.good?.revision === target.revision ? { good: { ...session.record.good, revision } } : {};
  session.record = { ...session.record, target: { ...target, revision, author, subject }, ...good };
}

function refuseMassPrune(found: Found, record: ReleaseRecord, entries: ReadonlyMap<string, Entry>): void {
  const held = [...record.entries.values()].filter((entry) => entry.applied !== undefined).length;
  const leaving = [...entries.values()].filter(
    (entry) => entry.removed && record.entries.get(entry.key)?.removed === false,
  ).length;
  const refusal = pruneRefusal(found.desired.length, held, leaving);
  if (refusal !== undefined) throw new LockstepError(refusal.code, refusal.message);
}

/** Impersonating an account that does not exist would succeed wherever a binding names it, so it is looked up first. */
export async function requireAccount(delivery: Delivery, world: World): Promise<void> {
  if (await world.accountExists(delivery.namespace, delivery.serviceAccount)) return;
  throw new LockstepError(
    'AccountNotFound',
    `the service account ${delivery.namespace}/${delivery.serviceAccount} does not exist`,
  );
}

async function planEntries(
  delivery: Delivery,
  session: Session,
  world: World,
  entries: ReadonlyMap<string, Entry>,
): Promise<PlanItem[]> {
  const changed = changedEntries(entries);
  if (changed.some(({ ref }) => world.kinds.find(ref.apiVersion, ref.kind) === undefined)) await world.kinds.refresh();
  const stamp = {
    shortUid: shortUid(delivery.uid),
    owner: `${delivery.namespace}/${delivery.name}`,
    release: session.record.sequence + 1,
  };
  const trial = {
    cluster: world.cluster(identityOf(delivery)),
    kinds: world.kinds,
    uid: delivery.uid,
    stamp,
    adopt: delivery.adopt,
    parallel: parallelRequests,
  };
  const { items, refusals } = await tryEntries(changed, entries, trial);
  if (refusals.length > 0) throw refusalError(refusals);
  return [...items, ...planPrune(entries, delivery.prune)];
}

function refusalError(refusals: readonly Refusal[]): LockstepError {
  const permanent = refusals.some((refusal) => refusal.permanent);
  const text = refusals
    .slice(0, 20)
    .map((refusal) => refusal.message)
    .join('; ');
  const more = refusals.length > 20 ? `; and ${refusals.length - 20} more` : '';
  return new LockstepError(permanent ? 'ApplyRefused' : 'Blocked', `${text}${more}`);
}

function planTrouble(
  error: unknown,
  session: Session,
  input: string,
  now: number,
): NonNullable<Session['planTrouble']> {
  const known =
    error instanceof LockstepError
      ? error
      : new LockstepError('ClusterUnavailable', error instanceof Error ? error.message : String(error));
  const tries = session.planTrouble?.input === input ? session.planTrouble.tries + 1 : 1;
  const delay = Math.min(backOff.longest, backOff.first * 2 ** (tries - 1));
  return { reason: known.code, message: known.message, stalled: !known.retryable, input, retryAt: now + delay, tries };
}

function countActions(items: readonly PlanItem[], total: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item.action] = (counts[item.action] ?? 0) + 1;
  const unchanged = total - items.length + (counts['unchanged'] ?? 0);
  return unchanged > 0 ? { ...counts, unchanged } : counts;
}

/** Write-ahead: the record names every object that may be touched before the first one is. */
async function startRelease(
  delivery: Delivery,
  session: Session,
  world: World,
  found: Found,
  entries: Map<string, Entry>,
  items: readonly PlanItem[],
): Promise<void> {
  const { record } = session;
  const now = world.clock.now();
  const { revision, author, subject } = found.commit;
  const target: Target = { revision, author, subject, input: found.input, startedAt: now };
  const history =
    record.phase === 'Releasing' && record.target !== undefined
      ? [ended(record, record.target, 'Superseded', now), ...record.history]
      : record.history;
  session.record = {
    ...record,
    sequence: record.sequence + 1,
    phase: 'Releasing',
    target,
    entries,
    history: history.slice(0, 10),
    actions: countActions(items, entries.size),
  };
  session.progressAt = now;
  session.releaseAt = now;
  world.watcher.follow(delivery.uid, identityOf(delivery), entries);
  for (const item of items)
    world.log.info(
      {
        delivery: `${delivery.namespace}/${delivery.name}`,
        release: session.record.sequence,
        plan: planLine(item),
        patch: item.patch,
      },
      'planned',
    );
  if (items.length > 0) await saveRecord(delivery, session, world);
}

/** A line of history. */
export function ended(
  record: ReleaseRecord,
  target: Target,
  verdict: 'Good' | 'Superseded',
  now: number,
): ReleaseRecord['history'][number] {
  const { revision, author, subject } = target;
  return { sequence: record.sequence, revision, author, subject, verdict, time: new Date(now).toISOString() };
}

/** Stores the record as it is now. */
export async function saveRecord(delivery: Delivery, session: Session, world: World): Promise<void> {
  await world.records.save(delivery.uid, session.record);
}
