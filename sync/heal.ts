import { changeLine, compare } from '../diff/compare.ts';
import { at } from '../diff/json.ts';
import { maskPair } from '../diff/mask.ts';
import { otherManagers, withoutNoise } from '../diff/normalize.ts';
import { identityOf } from './delivery/delivery.ts';
import { inParallel } from './parallel.ts';
import { refusalOf } from './plan/try.ts';
import { applyEntry } from './release/advance.ts';
import { parallelRequests } from './release/begin.ts';
import { type Entry, healingManifest, isPending } from './release/record.ts';
import type { Turn } from './session.ts';
import { fieldManager, releaseAnnotation, stampNames } from './stamp.ts';
import { annotation, type KubeObject, titleOf } from './types.ts';

/** A drift that returns this often in this time is not fought any longer, but named. */
const patience = { times: 5, within: 60_000 };

/**
 * Undoes drift: every object that a watch found to differ from what we applied, or lost sight of, is read and applied
 * again as it was applied last.
 */
export async function healDrift(turn: Turn): Promise<void> {
  const { delivery, session, world } = turn;
  session.healTrouble = undefined;
  forgetOldHeals(turn);
  if (!delivery.selfHeal) return;
  const suspects = world.watcher.suspects(delivery.uid).flatMap((key) => {
    const entry = session.record.entries.get(key);
    return entry?.applied === undefined || entry.removed || isTired(turn, key) ? [] : [entry];
  });
  const failures: string[] = [];
  await inParallel(suspects, parallelRequests, async (entry) => {
    try {
      await heal(turn, entry);
    } catch (error) {
      failures.push(refusalOf(entry, error).message);
      noteHeal(turn, entry.key);
    }
  });
  if (failures.length === 0) return;
  const message = [...new Set(failures)].join('; ');
  session.healTrouble = { reason: 'HealFailed', message, stalled: false };
  world.log.warn({ delivery: `${delivery.namespace}/${delivery.name}`, problem: message }, 'drift can not be healed');
}

function forgetOldHeals({ session, world }: Turn): void {
  const now = world.clock.now();
  for (const [key, times] of session.heals) {
    const recent = times.filter((time) => now - time < patience.within);
    if (recent.length === 0) session.heals.delete(key);
    else session.heals.set(key, recent);
  }
}

function isTired({ session }: Turn, key: string): boolean {
  return (session.heals.get(key)?.length ?? 0) >= patience.times;
}

function noteHeal({ session, world }: Turn, key: string): void {
  session.heals.set(key, [...(session.heals.get(key) ?? []), world.clock.now()]);
}

async function heal(turn: Turn, entry: Entry): Promise<void> {
  const { delivery, session, world } = turn;
  const before = await world.cluster(identityOf(delivery)).get(entry.ref);
  if (before === undefined && isSpentJob(turn, entry)) return settleJob(turn, entry);
  const { manifest, sequence } = healTo(turn, entry, before);
  const result = await applyEntry(turn, entry, manifest, sequence);
  const what = explain(turn, before, result.object);
  if (what === undefined) return;
  noteHeal(turn, entry.key);
  const last = isTired(turn, entry.key) ? ' (it keeps coming back and is now left for a minute)' : '';
  world.event('Normal', 'DriftHealed', `${titleOf(entry.ref)}: ${what}${last}`);
  world.log.info({ delivery: `${delivery.namespace}/${delivery.name}`, object: entry.key, what }, 'drift healed');
  session.unsaved = true;
}

/**
 * An object that the running release has already changed, as its stamp says, goes to what that release wants: the agent
 * was stopped between the write and its record. Every other one goes to what was applied last.
 */
function healTo(
  { session }: Turn,
  entry: Entry,
  before: KubeObject | undefined,
): { manifest: KubeObject; sequence: number } {
  const { record } = session;
  const stamp = before === undefined ? undefined : annotation(before, releaseAnnotation);
  if (isPending(entry) && record.phase === 'Releasing' && stamp === String(record.sequence)) {
    return { manifest: entry.manifest, sequence: record.sequence };
  }
  return { manifest: healingManifest(entry), sequence: entry.applied?.sequence ?? record.sequence };
}

/** A Job with a time to live that was seen to end, or belongs to a good release, was taken away because it is done. */
function isSpentJob({ delivery, session, world }: Turn, entry: Entry): boolean {
  if (entry.ref.kind !== 'Job' || at(entry.manifest, 'spec', 'ttlSecondsAfterFinished') === undefined) return false;
  if (isPending(entry)) return false;
  const isOld = (entry.applied?.sequence ?? 0) <= (session.record.good?.sequence ?? 0);
  return isOld || entry.applied?.spent === true || world.watcher.hasEnded(delivery.uid, entry.key);
}

function settleJob({ delivery, session, world }: Turn, entry: Entry): void {
  if (entry.applied === undefined) return;
  session.record.entries.set(entry.key, { ...entry, applied: { ...entry.applied, spent: true } });
  session.unsaved = true;
  world.watcher.settle(delivery.uid, entry.key);
}

/** What was done, in words; undefined when the live object turned out to be as it should be. */
function explain({ delivery }: Turn, before: KubeObject | undefined, after: KubeObject): string | undefined {
  if (before === undefined || before.metadata.uid !== after.metadata.uid) return 'was deleted, is made again';
  if (before.metadata.resourceVersion === after.metadata.resourceVersion) return undefined;
  const [shownBefore, shownAfter] = maskPair(withoutNoise(before, stampNames), withoutNoise(after, stampNames));
  const changes = compare(shownBefore, shownAfter);
  if (changes.length === 0) return 'ownership or the stamp was changed, is taken back';
  const others = otherManagers(before, fieldManager(delivery.uid)).filter((name) => !name.startsWith('kube-'));
  const who = others.length > 0 ? ` (changed by ${others.join(' or ')})` : '';
  return `${changes.slice(0, 5).map(changeLine).join('; ')}${who}`;
}
