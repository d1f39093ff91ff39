import { changeLine, compare } from '../diff/compare.ts';
import { maskPair } from '../diff/mask.ts';
import { otherManagers, withoutNoise } from '../diff/normalize.ts';
import { applyManifest } from './apply/entry.ts';
import { delayAfter } from './back-off.ts';
import { nameOf } from './delivery/delivery.ts';
import { inParallel } from './parallel.ts';
import { refusalOf } from './plan/try.ts';
import { type Entry, healingManifest, runningSequence } from './release/record.ts';
import { applierOf, parallelRequests, stampOf } from './release/write.ts';
import type { Turn } from './session.ts';
import { fieldManager, stampNames } from './stamp.ts';
import { type KubeObject, titleOf } from './types.ts';

/** Milliseconds until drift is looked at again although no watch tells of a change. */
const lookAgain = { first: 5_000, longest: 600_000, unseen: 60_000 };

/**
 * Tells drift that is not to be undone. What it consists of is asked for once, by a dry-run, and again when the object
 * has drifted on; with back-off where the API server refused, and now and then where no watch sees the object.
 */
export async function reportDrift(turn: Turn, drifted: readonly Entry[]): Promise<void> {
  const { delivery, session, world } = turn;
  const now = world.clock.now();
  keepOnly(turn, new Set(drifted.map((entry) => entry.key)));
  await inParallel(drifted, parallelRequests, async (entry) => {
    const live = world.watcher.live(delivery.uid, entry.key);
    const state = `${live?.state} ${live?.uid} ${live?.owned}`;
    const before = session.drift.get(entry.key);
    if (before?.state === state && now < before.lookAgainAt) return;
    const { what, isKnown } = await describeDrift(turn, entry);
    const text = `${titleOf(entry.ref)}: ${what}`;
    const tries = isKnown ? 0 : (before?.tries ?? 0) + 1;
    const known = live?.state === 'questioned' ? lookAgain.unseen : Number.POSITIVE_INFINITY;
    const delay = isKnown ? known : delayAfter(tries, lookAgain);
    session.drift.set(entry.key, { state, text, tries, lookAgainAt: now + delay });
    if (text === before?.text) return;
    world.event('Warning', 'Drifted', text);
    world.log.info({ delivery: nameOf(delivery), object: entry.key, text }, 'drift found');
  });
}

/** What a release has just applied has not drifted any more. */
export function forgetDrift(turn: Turn): void {
  keepOnly(turn, new Set(turn.world.watcher.suspects(turn.delivery.uid)));
}

function keepOnly({ session }: Turn, keys: ReadonlySet<string>): void {
  for (const key of session.drift.keys()) if (!keys.has(key)) session.drift.delete(key);
}

/**
 * An object as it is, and as healing would make it, by a dry-run; both undefined when it is gone.
 * @throws ApiError, LockstepError as an apply does
 */
export async function tryToHeal(
  turn: Pick<Turn, 'delivery' | 'session'> & { readonly world: Pick<Turn['world'], 'cluster'> },
  entry: Entry,
): Promise<{ before: KubeObject | undefined; after: KubeObject | undefined }> {
  const applier = applierOf(turn);
  const before = await applier.cluster.get(entry.ref);
  if (before === undefined) return { before, after: undefined };
  const sequence = entry.applied?.sequence ?? runningSequence(turn.session.record);
  const how = { stamp: stampOf(turn, sequence), dryRun: true };
  const { object } = await applyManifest(applier, entry, healingManifest(entry), how);
  return { before, after: object };
}

/** What healing would do with an object, in words, or why that is not known. */
async function describeDrift(turn: Turn, entry: Entry): Promise<{ what: string; isKnown: boolean }> {
  try {
    const { before, after } = await tryToHeal(turn, entry);
    if (before === undefined || after === undefined) return { what: 'was deleted', isKnown: true };
    const difference = differenceOf(before, after, turn.delivery.uid);
    const what = difference === undefined ? 'ownership or the stamp was changed' : `healing would change ${difference}`;
    return { what, isKnown: true };
  } catch (error) {
    return { what: `differs, and can not be looked at: ${refusalOf(entry, error).message}`, isKnown: false };
  }
}

/** What healing changes, and whose doing that was; Secrets are masked. Undefined when no value differs. */
export function differenceOf(before: KubeObject, after: KubeObject, uid: string): string | undefined {
  const [shownBefore, shownAfter] = maskPair(withoutNoise(before, stampNames), withoutNoise(after, stampNames));
  const changes = compare(shownBefore, shownAfter);
  if (changes.length === 0) return undefined;
  const others = otherManagers(before, fieldManager(uid)).filter((name) => !name.startsWith('kube-'));
  const who = others.length > 0 ? ` (changed by ${others.join(' or ')})` : '';
  return `${changes.slice(0, 5).map(changeLine).join('; ')}${who}`;
}
