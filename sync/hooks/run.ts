import { at, textAt } from '../../diff/json.ts';
import { passesGate } from '../../health/scale.ts';
import { nameOf } from '../delivery/delivery.ts';
import { inOneLine, LockstepError, messageOf } from '../errors.ts';
import { inParallel } from '../parallel.ts';
import { type Refusal, refusalOf, refuseForeign } from '../plan/try.ts';
import { type Entry, isPending, runningSequence } from '../release/record.ts';
import type { Cause } from '../release/standing.ts';
import { applierOf, applyEntry, noteApplied, parallelRequests } from '../release/write.ts';
import { lookAgainAt, type Turn } from '../session.ts';
import { releaseAnnotation, shortUid } from '../stamp.ts';
import { annotation, type KubeObject, titleOf } from '../types.ts';
import type { Phase } from './phases.ts';
import { isRun } from './wanted.ts';

/** How long a run of an earlier release, or of one that failed, may still take before it is ended, in milliseconds. */
const patience = 60_000;

/**
 * Makes the object of a hook for the running release, once: the release that is stamped on it tells whether that was done
 * already, also where no answer ever said so. What an earlier release left goes first.
 * @throws LockstepError Terminating while that is still on its way out; as applyEntry does
 */
export async function runHook(turn: Turn, entry: Entry): Promise<void> {
  const { delivery, session, world } = turn;
  const sequence = runningSequence(session.record);
  const live = await applierOf(turn).cluster.get(entry.ref);
  if (live !== undefined) {
    refuseForeign(entry, live, shortUid(delivery.uid), delivery.adopt);
    if (annotation(live, releaseAnnotation) !== String(sequence)) return clearEarlier(turn, entry, live);
    noteApplied(turn, entry, entry.manifest, sequence, { object: live, created: true, taken: [] }, { isRelease: true });
    return;
  }
  world.log.info({ delivery: nameOf(delivery), object: entry.key, phase: entry.hook?.phase }, 'a hook runs');
  await applyEntry(turn, entry, entry.manifest, sequence, { isRelease: true });
}

/** @throws LockstepError Terminating always: the hook runs when this is gone */
async function clearEarlier(turn: Turn, entry: Entry, live: KubeObject): Promise<never> {
  const title = titleOf(entry.ref);
  const isGoing = textAt(live, 'metadata', 'deletionTimestamp') !== undefined;
  if (!isGoing && isRun(entry.manifest) && !isOver(turn, entry.key, live)) {
    throw new LockstepError('Terminating', `${title} of an earlier release still runs; it is given a minute`);
  }
  if (!isGoing) await applierOf(turn).cluster.delete(entry.ref, live, isRun(live) ? 'Foreground' : 'Background');
  throw new LockstepError(
    'Terminating',
    `${title} of an earlier release is being deleted; it is made again when it is gone`,
  );
}

/** Whether a run has ended, or has been waited for long enough. */
function isOver({ session, world }: Turn, key: string, live: KubeObject): boolean {
  if (isEnded(live)) return true;
  const now = world.clock.steady();
  const since = session.hookWaits.get(key) ?? now;
  session.hookWaits.set(key, since);
  lookAgainAt(session, since + patience);
  return now >= since + patience;
}

/** Whether a Job or Pod has ended, one way or the other. What is suspended does not run. */
function isEnded(live: KubeObject): boolean {
  const phase = textAt(live, 'status', 'phase');
  if (phase === 'Succeeded' || phase === 'Failed' || phase === 'Error') return true;
  const conditions = at(live, 'status', 'conditions');
  const types = ['Complete', 'Failed', 'Succeeded'];
  const isSettled = Array.isArray(conditions)
    ? conditions.some((one) => types.includes(textAt(one, 'type') ?? '') && textAt(one, 'status') === 'True')
    : false;
  return isSettled || at(live, 'spec', 'suspend') === true;
}

/** Hooks of this release that were begun. */
function begun({ session }: Turn): Entry[] {
  return [...session.record.entries.values()].filter(
    ({ hook, applied, removed }) =>
      hook !== undefined && applied !== undefined && applied.spent === undefined && !removed,
  );
}

/**
 * Takes note of hooks that are done: they count as well from then on, whatever becomes of their objects. Those that shall
 * go once they succeeded do so when the last of their phase is done.
 * @returns why one can't be done any more: it is not there
 */
export async function settleHooks(turn: Turn): Promise<Cause | undefined> {
  const { delivery, world } = turn;
  const open = begun(turn);
  if (open.length === 0) return undefined;
  for (const entry of open) {
    const live = world.watcher.live(delivery.uid, entry.key);
    if (live?.state === 'questioned') {
      const found = await applierOf(turn).cluster.get(entry.ref);
      if (found === undefined || found.metadata.uid !== entry.applied?.uid)
        return { reason: 'HookLost', message: `${titleOf(entry.ref)}: was deleted before it was done` };
      world.watcher.learn(delivery.uid, entry.key, found);
    }
    if (live?.health.status === 'Healthy') await settle(turn, entry, 'Complete');
  }
  await clearSucceeded(turn, new Set(open.flatMap(({ hook }) => hook?.phase ?? [])));
  return undefined;
}

async function settle(turn: Turn, entry: Entry, end: 'Complete' | 'JobFailed'): Promise<void> {
  const { delivery, session, world } = turn;
  if (entry.applied === undefined) return;
  session.record.entries.set(entry.key, { ...entry, applied: { ...entry.applied, spent: end } });
  session.unsaved = true;
  world.watcher.settle(delivery.uid, entry.key, end);
  await setLifetime(turn, entry);
}

/** A time to live would take a Job away before anybody saw how it ended: it begins once that is recorded. */
async function setLifetime(turn: Turn, entry: Entry): Promise<void> {
  const seconds = entry.hook?.timeToLive;
  const doomed = entry.hook?.deletes.length ?? 0;
  if (seconds === undefined || doomed > 0) return;
  const patch = [{ op: 'add', path: '/spec/ttlSecondsAfterFinished', value: seconds }];
  await tryQuietly(turn, entry, () => applierOf(turn).cluster.patch(entry.ref, patch));
}

async function clearSucceeded(turn: Turn, phases: ReadonlySet<Phase>): Promise<void> {
  const hooks = [...turn.session.record.entries.values()].filter(({ hook, removed }) => hook !== undefined && !removed);
  for (const phase of phases) {
    const mine = hooks.filter(({ hook }) => hook?.phase === phase);
    if (mine.some(({ applied }) => applied?.spent !== 'Complete')) continue;
    const doomed = mine.filter(({ hook }) => hook?.deletes.includes('HookSucceeded'));
    await inParallel(doomed, parallelRequests, (entry) => deleteRun(turn, entry));
  }
}

/** Deletes the object of a hook if it is still the one that was made. */
async function deleteRun(turn: Turn, entry: Entry): Promise<void> {
  await tryQuietly(turn, entry, async () => {
    const { cluster } = applierOf(turn);
    const live = await cluster.get(entry.ref);
    if (live === undefined || live.metadata.uid !== entry.applied?.uid) return;
    await cluster.delete(entry.ref, live, 'Background');
  });
}

/** What is only tidying up fails nothing; it is told. */
async function tryQuietly({ delivery, world }: Turn, entry: Entry, task: () => Promise<unknown>): Promise<void> {
  try {
    await task();
  } catch (error) {
    world.log.warn(
      { delivery: nameOf(delivery), object: entry.key, problem: messageOf(error) },
      'a hook can not be tidied up',
    );
  }
}

/**
 * Ends the hooks of a release that failed: what still runs is given a minute, and then deleted; what failed goes where
 * that was asked for. What has not begun never does.
 * @returns whether none is left
 */
export async function endHooks(turn: Turn): Promise<boolean> {
  const running: string[] = [];
  for (const entry of begun(turn)) {
    const live = await applierOf(turn).cluster.get(entry.ref);
    const isSame = live !== undefined && live.metadata.uid === entry.applied?.uid;
    // It may have ended before any watch told so.
    if (isSame) turn.world.watcher.learn(turn.delivery.uid, entry.key, live);
    if (isSame && isRun(live) && !isOver(turn, entry.key, live))
      running.push(`${titleOf(entry.ref)} still runs; it is given a minute`);
    else await endHook(turn, entry, isSame ? live : undefined);
  }
  turn.session.waiting.push(...running);
  return running.length === 0;
}

/** @param live its object, where that is still there */
async function endHook(turn: Turn, entry: Entry, live: KubeObject | undefined): Promise<void> {
  const health = turn.world.watcher.live(turn.delivery.uid, entry.key)?.health;
  const isWell = live !== undefined && health !== undefined && passesGate(health);
  await settle(turn, entry, isWell ? 'Complete' : 'JobFailed');
  if (live === undefined) return;
  if (isRun(live) && !isEnded(live)) await applierOf(turn).cluster.delete(entry.ref, live, 'Foreground');
  else if (entry.hook?.deletes.includes(isWell ? 'HookSucceeded' : 'HookFailed') === true) await deleteRun(turn, entry);
}

/** What running a phase has come to. */
export type PhaseEnd = 'waiting' | { readonly problems: readonly string[] };

/**
 * Runs the hooks of a phase that does not lie on the way forward, wave by wave. One that fails ends the phase, and nothing
 * else: it is told, as an event and in what this answers.
 * @param until when they are not waited for any longer, in steady milliseconds
 */
export async function runPhase(
  turn: Turn,
  phase: Phase,
  until: number = turn.session.record.clocks.deadline,
): Promise<PhaseEnd> {
  const { world } = turn;
  const hooks = hooksOf(turn, phase);
  if (hooks.length === 0) return { problems: [] };
  const isLate = world.clock.steady() >= until;
  for (const wave of new Set(hooks.map((entry) => entry.wave))) {
    const problems = isLate
      ? ['it takes too long']
      : await runWave(
          turn,
          hooks.filter((entry) => entry.wave === wave),
        );
    if (problems === 'waiting') return waitUntil(turn, until);
    if (problems.length === 0) continue;
    const message = `${phase}: ${inOneLine(problems)}`;
    world.event('Warning', 'HookFailed', message);
    world.log.warn({ delivery: nameOf(turn.delivery), phase, problem: message }, 'a hook failed');
    for (const entry of hooksOf(turn, phase)) await settle(turn, markedBegun(entry), 'JobFailed');
    return { problems: [message] };
  }
  return { problems: [] };
}

function waitUntil({ session }: Turn, time: number): 'waiting' {
  lookAgainAt(session, time);
  return 'waiting';
}

function hooksOf({ session }: Turn, phase: Phase): Entry[] {
  return [...session.record.entries.values()]
    .filter(({ hook, removed, applied }) => hook?.phase === phase && !removed && applied?.spent === undefined)
    .sort((a, b) => a.wave - b.wave || a.step - b.step);
}

/** A hook that never began is over too, so that it is not begun later. */
function markedBegun(entry: Entry): Entry {
  return entry.applied === undefined
    ? { ...entry, applied: { uid: '', hash: entry.hash, owned: '', sequence: 0 } }
    : entry;
}

async function runWave(turn: Turn, entries: readonly Entry[]): Promise<'waiting' | readonly string[]> {
  const { delivery, session, world } = turn;
  const refusals: Refusal[] = [];
  await inParallel(entries.filter(isPending), parallelRequests, async (entry) => {
    await runHook(turn, entry).catch((error: unknown) => refusals.push(refusalOf(entry, error)));
  });
  const lost = await settleHooks(turn);
  const final = refusals
    .filter(({ permanent, code }) => permanent || code === 'Forbidden')
    .map(({ message }) => message);
  const failed = entries.flatMap(({ key }) => {
    const health = world.watcher.live(delivery.uid, key)?.health;
    return health?.status === 'Degraded' ? [health.message] : [];
  });
  const problems = [...final, ...failed, ...(lost === undefined ? [] : [lost.message])];
  if (problems.length > 0) return problems;
  const open = entries.filter(({ key }) => session.record.entries.get(key)?.applied?.spent === undefined);
  if (open.length === 0) return [];
  session.waiting.push(
    ...refusals.map(({ message }) => message),
    ...open.map(({ ref }) => `${titleOf(ref)} is not done yet`),
  );
  return 'waiting';
}
