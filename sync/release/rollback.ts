import { numberAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { isOwnedBy, rolloutOf } from '../../health/rollout.ts';
import { passesGate } from '../../health/scale.ts';
import { podSignals } from '../../health/signals.ts';
import { delayAfter } from '../back-off.ts';
import { nameOf } from '../delivery/delivery.ts';
import { targetOf } from '../delivery/target.ts';
import { ApiError, isForbidden, messageOf } from '../errors.ts';
import { runPhase } from '../hooks/run.ts';
import { inParallel } from '../parallel.ts';
import { keepReason, protectedKinds } from '../plan/prune.ts';
import { lookAgainAt, type Turn } from '../session.ts';
import { type KubeObject, label, refOf, titleOf } from '../types.ts';
import { applyWaves } from './apply.ts';
import { giveBack } from './give-back.ts';
import { fatesOf } from './inverse.ts';
import { deleteInReverse, pruneFirst, type Remainder } from './prune.ts';
import { type Entry, healingManifest, runningSequence, wavesOf } from './record.ts';
import { restoreEntry } from './restore.ts';
import type { Event } from './standing.ts';
import { parallelRequests, replaceEntry } from './write.ts';

/** Tries to bring good back, and the waits between them in milliseconds. */
const mostTries = 3;
const backOff = { first: 1_000, longest: 30_000 };

/** Applies good's objects in their waves. A refusal that stays is tried three times, all others until the deadline. */
export async function rollBack(turn: Turn): Promise<Event | undefined> {
  const { session, world } = turn;
  const now = world.clock.steady();
  if (now < session.rollback.retryAt) {
    lookAgainAt(session, session.rollback.retryAt);
    return undefined;
  }
  if ((await runPhase(turn, 'PreRollback')) === 'waiting') return undefined;
  const hasRoom = await pruneFirst(turn);
  const progress = hasRoom ? await applyWaves(turn, wavesOf(session.record.entries).length, restoreOrKeep) : 'waiting';
  if (progress === 'applied') {
    session.rollback = { tries: 0, retryAt: 0 };
    return { type: 'applied' };
  }
  const tries = session.rollback.tries + 1;
  const refusals = (session.rollback.refusals ?? 0) + (progress === 'waiting' ? 0 : 1);
  const delay = delayAfter(Math.min(tries, 6), backOff);
  session.rollback = { tries, refusals, retryAt: now + delay, problem: session.applyTrouble?.message };
  lookAgainAt(session, now + delay);
  if (progress !== 'waiting' && refusals >= mostTries) return { type: 'failed', cause: progress };
  if (now < session.record.clocks.deadline) return undefined;
  const message = session.applyTrouble?.message ?? 'the last good release can not be applied';
  return { type: 'failed', cause: { reason: 'RollbackFailed', message } };
}

/** What holds others' content, and can't go back, stays as it is and is told: everything else still comes back. */
async function restoreOrKeep(turn: Turn, entry: Entry): Promise<void> {
  try {
    await restoreEntry(turn, entry).catch((error: unknown) =>
      replaceEntry(turn, entry, error, runningSequence(turn.session.record)),
    );
  } catch (error) {
    const isRefused = error instanceof ApiError && error.class === 'permanent';
    if (!isRefused || !protectedKinds.has(entry.ref.kind) || entry.applied === undefined) throw error;
    const { session } = turn;
    const { answer: _answer, ...last } = entry.applied;
    const applied = { ...last, hash: entry.hash, manifest: healingManifest(entry) };
    const { doubted: _doubted, ...known } = entry;
    session.record.entries.set(entry.key, { ...known, applied, inexact: [`it stays as it is: ${error.message}`] });
    session.unsaved = true;
  }
}

/**
 * The ordered controller of a StatefulSet never replaces a pod of an old revision that is not ready: once the template is
 * another one, it is deleted. On the way forward only if it is broken, on the way back whenever it is not ready.
 */
export async function freeStuckPods(turn: Turn, entries: readonly Entry[]): Promise<void> {
  const { delivery, world } = turn;
  for (const entry of entries) {
    if (entry.ref.kind !== 'StatefulSet') continue;
    const live = world.watcher.live(delivery.uid, entry.key);
    const revision = live?.revision;
    if (live === undefined || revision === undefined || passesGate(live.health)) continue;
    try {
      for (const pod of await stuckPods(turn, entry, revision)) await free(turn, entry, pod);
    } catch (error) {
      if (!isForbidden(error)) throw error;
      turn.session.waiting.push(
        `${titleOf(entry.ref)}: its stuck pods must be deleted, and the account may not: ${messageOf(error)}`,
      );
    }
  }
}

async function stuckPods(turn: Turn, entry: Entry, revision: string): Promise<KubeObject[]> {
  const { delivery, session, world } = turn;
  const selector = rolloutOf(entry.manifest)?.selector ?? '';
  const kind = { apiVersion: 'v1', kind: 'Pod' };
  const pods = await world.cluster(targetOf(delivery)).list(kind, entry.ref.namespace ?? '', selector);
  const partition = numberAt(entry.manifest, 'spec', 'updateStrategy', 'rollingUpdate', 'partition') ?? 0;
  const isGoingBack = session.record.standing.bad !== undefined;
  return pods.filter((pod) => {
    // Below the partition the old revision is the right one.
    if (Number(/\d+$/.exec(pod.metadata.name)?.[0]) < partition) return false;
    if (!isGoingBack && podSignals(pod).every(({ isPausing }) => isPausing === true)) return false;
    const isOwned = isOwnedBy(pod, entry.applied?.uid);
    const isOld = label(pod, 'controller-revision-hash') !== revision;
    const isReady = condition(pod, 'Ready')?.status === 'True';
    return isOwned && isOld && !isReady && textAt(pod, 'metadata', 'deletionTimestamp') === undefined;
  });
}

async function free({ delivery, world }: Turn, entry: Entry, pod: KubeObject): Promise<void> {
  const left = await world.cluster(targetOf(delivery)).delete(refOf(pod), pod, 'Background');
  // It was changed since it was read: it is looked at again.
  if (left !== undefined && textAt(left, 'metadata', 'deletionTimestamp') === undefined) return;
  const what = `${titleOf(refOf(pod))} was stuck in the failed revision of ${titleOf(entry.ref)} and was deleted`;
  world.event('Normal', 'StuckPodDeleted', what);
  world.log.info({ delivery: nameOf(delivery), object: entry.key, pod: pod.metadata.name }, 'stuck pod deleted');
}

/** @returns what could not be given back */
async function giveAllBack(turn: Turn): Promise<string[]> {
  const taken = fatesOf(turn.session.record.entries).filter(({ entry }) => entry.origin === 'adopted');
  const told = await inParallel(taken, parallelRequests, ({ entry }) => giveBack(turn, entry));
  return told.flatMap((problem) => problem ?? []);
}

/** What good had on its list already, and nothing takes away, is what the bad release has made of it. */
function leftOnTheList({ delivery, session }: Turn): string[] {
  return [...session.record.entries.values()].flatMap(({ ref, manifest, removed, isLeaving, touched, origin }) => {
    const isLeft = removed && isLeaving === true && touched === true && origin === undefined;
    const goes = delivery.prune && keepReason(manifest, delivery.set?.deletion) === undefined;
    return isLeft && !goes ? [`${titleOf(ref)} was in no good release, and stays as the failed one has left it`] : [];
  });
}

function isRefusedForGood({ refusal }: Remainder): boolean {
  return refusal !== undefined && (refusal.permanent || refusal.code === 'Forbidden');
}

/**
 * Deletes what the bad release created, once good is healthy again. What stays is listed.
 * @param isLate whether what is still on its way out is waited for no longer
 */
export async function cleanUp(turn: Turn, isLate: boolean): Promise<Event | undefined> {
  const { session } = turn;
  const fates = fatesOf(session.record.entries);
  const doomed = fates.filter(({ stays }) => stays === undefined).map(({ entry }) => entry);
  const holdUps = await deleteInReverse(turn, doomed, (remainder) => !isLate && !isRefusedForGood(remainder));
  if (holdUps.length > 0) return undefined;
  const hooks = await runPhase(turn, 'PostRollback');
  if (hooks === 'waiting') return undefined;
  const kept = await giveAllBack(turn);
  const left = fatesOf(session.record.entries).filter(({ entry }) => entry.found === undefined);
  const reasons = left.map(
    ({ entry, stays }) => stays ?? `${titleOf(entry.ref)}: ${entry.inexact?.join() ?? 'could not be deleted'}`,
  );
  const inexact = [...session.record.entries.values()].flatMap(({ ref, removed, inexact: fields }) =>
    removed || fields === undefined ? [] : [`${titleOf(ref)}: ${fields.join(', ')}`],
  );
  const leftBehind = [...reasons, ...leftOnTheList(turn), ...kept, ...inexact, ...hooks.problems];
  session.record = { ...session.record, leftBehind };
  session.waiting = [];
  return { type: 'cleaned' };
}
