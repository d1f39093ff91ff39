import { appliedBy } from '../diff/field-sets.ts';
import { at, canonicalJson } from '../diff/json.ts';
import type { JobEnd } from '../health/tracked.ts';
import { nameOf } from './delivery/delivery.ts';
import { targetOf } from './delivery/target.ts';
import { differenceOf, reportDrift } from './drift.ts';
import { isForbidden } from './errors.ts';
import { isOnlyCreated } from './options.ts';
import { inParallel } from './parallel.ts';
import { type Refusal, refusalOf } from './plan/try.ts';
import {
  type Entry,
  healingManifest,
  isDriven,
  isPending,
  type ReleaseRecord,
  runningSequence,
  wavesOf,
} from './release/record.ts';
import { applyEntry, parallelRequests } from './release/write.ts';
import type { Turn } from './session.ts';
import { fieldManager, releaseAnnotation, stampNames } from './stamp.ts';
import { annotation, type KubeObject, label, titleOf } from './types.ts';

/** A drift that returns this often in this time is not fought any longer, but named. */
const patience = { times: 5, within: 60_000 };

/**
 * Undoes drift: every object that a watch found to differ from what we applied, or lost sight of, is read and applied
 * again as it was applied last. With selfHeal off it is told instead, and undone when somebody asks for a sync; only Jobs
 * that are done are always taken note of.
 */
export async function healDrift(turn: Turn): Promise<void> {
  const { delivery, session, world } = turn;
  forgetOldHeals(turn);
  const suspects = suspectsOf(turn);
  const mayHeal = delivery.selfHeal || session.healAsked;
  const isDue = (entry: Entry): boolean => mayHeal || mayBeSpent(turn, entry);
  const tired = tiredOf(turn, suspects);
  const refusals = await healAll(
    turn,
    suspects.filter((entry) => isDue(entry) && !isTired(turn, entry.key)),
    mayHeal,
  );
  if (isServed(turn, refusals)) session.healAsked = false;
  const still = new Set(world.watcher.suspects(delivery.uid));
  await reportDrift(turn, mayHeal ? [] : suspects.filter(({ key }) => still.has(key)));
  noteTrouble(turn, mayHeal ? [...refusals.map(({ message }) => message), ...tired] : []);
}

/** Who asked for a sync has been served once all was seen, and each drift was undone or is refused for a lasting reason. */
function isServed({ delivery, world }: Turn, refusals: readonly Refusal[]): boolean {
  const isSeen = world.watcher.troubles(delivery.uid).every(({ error }) => isForbidden(error));
  const mayPass = refusals.some(({ code }) => code === 'ClusterUnavailable');
  return world.watcher.isComplete(delivery.uid) && isSeen && !mayPass;
}

/** A Job that is gone may have been taken away by its time to live. */
function mayBeSpent(turn: Turn, entry: Entry): boolean {
  const isGone = turn.world.watcher.live(turn.delivery.uid, entry.key)?.state === 'questioned';
  return isGone && spentJob(turn, entry) !== undefined;
}

function suspectsOf({ delivery, session, world }: Turn): Entry[] {
  return world.watcher.suspects(delivery.uid).flatMap((key) => {
    const entry = session.record.entries.get(key);
    if (world.watcher.live(delivery.uid, key)?.isLeftAlone === true) return [];
    // What may have been written since is what the release is about to write.
    return entry?.applied === undefined || entry.removed || entry.doubted === true || entry.hook !== undefined
      ? []
      : [entry];
  });
}

/** @returns what could not be healed, and why */
async function healAll(turn: Turn, due: readonly Entry[], mayHeal: boolean): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  await inParallel(due, parallelRequests, async (entry) => {
    try {
      await heal(turn, entry, mayHeal);
    } catch (error) {
      const refusal = refusalOf(entry, error);
      refusals.push(refusal);
      noteHeal(turn, entry.key, refusal.message);
    }
  });
  return refusals;
}

/** What is not fought any longer, for a while. */
function tiredOf(turn: Turn, suspects: readonly Entry[]): string[] {
  return suspects
    .filter((entry) => isTired(turn, entry.key))
    .map((entry) => turn.session.heals.get(entry.key)?.refusal ?? `${titleOf(entry.ref)} keeps drifting`);
}

/** What can't be healed stays told until it is, also while it is left alone for a while. */
function noteTrouble({ delivery, session, world }: Turn, problems: readonly string[]): void {
  const before = session.healTrouble?.message;
  if (problems.length === 0) {
    session.healTrouble = undefined;
    return;
  }
  const message = [...new Set(problems)].sort().join('; ');
  session.healTrouble = { reason: 'HealFailed', message, stalled: false };
  if (message === before) return;
  world.log.warn({ delivery: nameOf(delivery), problem: message }, 'drift can not be healed');
}

function forgetOldHeals({ session, world }: Turn): void {
  const now = world.clock.now();
  for (const [key, { times, refusal }] of session.heals) {
    const recent = times.filter((time) => now - time < patience.within);
    if (recent.length === 0) session.heals.delete(key);
    else session.heals.set(key, { times: recent, refusal });
  }
}

function isTired({ session }: Turn, key: string): boolean {
  return (session.heals.get(key)?.times.length ?? 0) >= patience.times;
}

function noteHeal({ session, world }: Turn, key: string, refusal?: string): void {
  session.heals.set(key, { times: [...(session.heals.get(key)?.times ?? []), world.clock.now()], refusal });
}

async function heal(turn: Turn, entry: Entry, mayHeal: boolean): Promise<void> {
  const { delivery, world } = turn;
  const before = await world.cluster(targetOf(delivery)).get(entry.ref);
  const end = before === undefined || entry.applied?.spent !== undefined ? spentJob(turn, entry) : undefined;
  if (end !== undefined) return settleJob(turn, entry, end);
  if (before !== undefined && isOnlyCreated(entry.manifest)) {
    world.watcher.learn(delivery.uid, entry.key, before);
    return;
  }
  if (!mayHeal) return;
  const { manifest, sequence, isRelease } = healTo(turn, entry, before);
  const result = await applyEntry(turn, entry, manifest, sequence, { isRelease });
  const what = explain(turn, before, result.object);
  if (what === undefined) return;
  noteHeal(turn, entry.key);
  const last = isTired(turn, entry.key) ? ' (it keeps coming back and is now left for a minute)' : '';
  world.event('Normal', 'DriftHealed', `${titleOf(entry.ref)}: ${what}${last}`);
  world.log.info({ delivery: nameOf(delivery), object: entry.key, what }, 'drift healed');
}

/**
 * An object that the running release has already changed, as its stamp says, goes to what that release wants: the answer to
 * that was lost, or the agent was stopped before its record. Then its health counts for that release. Every other one goes to
 * what was applied last.
 */
function healTo(
  { session }: Turn,
  entry: Entry,
  before: KubeObject | undefined,
): { manifest: KubeObject; sequence: number; isRelease: boolean } {
  const { record } = session;
  const running = runningSequence(record);
  const stamp = before === undefined ? undefined : annotation(before, releaseAnnotation);
  if (isPending(entry) && isDriven(record) && stamp === String(running)) {
    return { manifest: entry.manifest, sequence: running, isRelease: true };
  }
  return { manifest: healingManifest(entry), sequence: entry.applied?.sequence ?? running, isRelease: false };
}

/** Whether the running release has verified the wave of an object. */
function isWavePassed({ standing, entries }: ReleaseRecord, { wave }: Entry): boolean {
  if (standing.bad !== undefined) return false;
  const state = standing.state === 'Planning' ? standing.former : standing.state;
  if (state === 'Baking' || state === 'Probation') return true;
  return (state === 'Applying' || state === 'Verifying') && wavesOf(entries).indexOf(wave) < standing.wave;
}

/**
 * How a Job ended that was taken away by its time to live; undefined for all else. One of a good release had completed,
 * or the release would not be good.
 */
function spentJob({ delivery, session, world }: Turn, entry: Entry): JobEnd | undefined {
  if (entry.ref.kind !== 'Job' || at(entry.manifest, 'spec', 'ttlSecondsAfterFinished') === undefined) return undefined;
  if (isPending(entry)) return undefined;
  const isOld = (entry.applied?.sequence ?? 0) <= (session.record.standing.good?.sequence ?? 0);
  const isDone = isOld || isWavePassed(session.record, entry);
  return entry.applied?.spent ?? world.watcher.jobEnd(delivery.uid, entry.key) ?? (isDone ? 'Complete' : undefined);
}

function settleJob({ delivery, session, world }: Turn, entry: Entry, end: JobEnd): void {
  if (entry.applied === undefined) return;
  session.record.entries.set(entry.key, { ...entry, applied: { ...entry.applied, spent: end } });
  session.unsaved = true;
  world.watcher.settle(delivery.uid, entry.key, end);
}

/** What was done, in words; undefined when the live object turned out to be as it should be. */
function explain({ delivery }: Turn, before: KubeObject | undefined, after: KubeObject): string | undefined {
  if (before === undefined || before.metadata.uid !== after.metadata.uid) return 'was deleted, is made again';
  if (before.metadata.resourceVersion === after.metadata.resourceVersion) return undefined;
  const difference = differenceOf(before, after, delivery.uid);
  if (difference !== undefined) return difference;
  // Others may have written the object in between, what is theirs.
  return isSameClaim(before, after, delivery.uid) ? undefined : 'ownership or the stamp was changed, is taken back';
}

/** Whether we own the same of two states of an object, and both bear the same stamp. */
function isSameClaim(before: KubeObject, after: KubeObject, uid: string): boolean {
  const [was, is] = [before, after].map((object) => {
    const stamp = stampNames.map((name) => label(object, name) ?? annotation(object, name) ?? null);
    return canonicalJson([appliedBy(object, fieldManager(uid)) ?? null, ...stamp]);
  });
  return was === is;
}
