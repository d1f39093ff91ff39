import { at } from '../../diff/json.ts';
import { isOursAlone } from '../../diff/normalize.ts';
import { leavingText } from '../apply/apply.ts';
import { targetOf } from '../delivery/target.ts';
import { isNotServed } from '../errors.ts';
import { isOnlyCreated, isPrunedFirst, keptBy } from '../options.ts';
import { inParallel } from '../parallel.ts';
import { stillNeeded } from '../plan/needs.ts';
import { keepReason, keptAlways } from '../plan/prune.ts';
import { type Refusal, refusalOf } from '../plan/try.ts';
import { scaledBy } from '../scalers.ts';
import type { Turn } from '../session.ts';
import { deliveryLabel, fieldManager, shortUid } from '../stamp.ts';
import { groupOf, type KubeObject, label, titleOf } from '../types.ts';
import { type Entry, isConfirmed } from './record.ts';
import { parallelRequests } from './write.ts';

/**
 * Deletes what left Git, the last wave first, each object by its uid. What is protected stays, and stays on the list.
 * An object that is still on its way out is waited for before the next wave goes.
 * @returns whether everything that may go is gone
 */
export async function pruneRemoved(turn: Turn): Promise<boolean> {
  const { delivery, session } = turn;
  if (!delivery.prune) return true;
  if (!session.record.entries.values().some(({ removed }) => removed)) return true;
  const entries = [...session.record.entries.values()];
  // What pods still refer to left Git while nothing was pruned: it is not taken from under them now.
  const needed = stillNeeded(entries);
  const mayAll = isConfirmed(session.record);
  const deletion = delivery.set?.deletion;
  const mayGo = ({ key, removed, manifest, inexact, origin }: Entry): boolean =>
    // What was found to be marked is looked at again after the next release.
    removed &&
    (origin === 'created' ? keptAlways(manifest, mayAll) : keepReason(manifest, deletion, mayAll)) === undefined &&
    inexact === undefined &&
    !needed.has(key);
  const doomed = entries.filter(mayGo);
  return (await deleteInReverse(turn, doomed)).length === 0;
}

/**
 * Deletes what left Git and is marked to go first, before anything is applied: what comes may need its place, such as the
 * port of a node. The plan that is stored says so.
 * On the way back that is what the bad release made.
 * @returns whether all of it is gone
 */
export async function pruneFirst(turn: Turn): Promise<boolean> {
  const doomed = [...turn.session.record.entries.values()].filter(
    ({ removed, origin, manifest, inexact }) =>
      removed &&
      origin !== 'adopted' &&
      inexact === undefined &&
      isPrunedFirst(manifest) &&
      keepReason(manifest, turn.delivery.set?.deletion) === undefined,
  );
  if (doomed.length === 0) return true;
  return (await deleteInReverse(turn, doomed)).length === 0;
}

/**
 * Deletes objects in reverse waves; what must be waited for goes to `session.waiting`.
 * @param waits tells what holds the next wave up, and what is left behind
 * @returns what holds it up; nothing when everything is gone, or left behind
 */
export async function deleteInReverse(
  turn: Turn,
  doomed: readonly Entry[],
  waits: (remainder: Remainder) => boolean = () => true,
): Promise<Remainder[]> {
  const { session } = turn;
  if (doomed.length === 0) return [];
  const wanted = wantedUids(turn, doomed);
  for (const here of inReverse(doomed)) {
    const left = (await inParallel(here, parallelRequests, (entry) => deleteEntry(turn, entry, wanted))).flatMap(
      (remainder) => remainder ?? [],
    );
    session.waiting.push(...left.map(({ message }) => message));
    const holdUps = left.filter(waits);
    if (holdUps.length > 0) return holdUps;
  }
  return [];
}

/** The same object may stand on the list under another name: moved to another group, or with its scope once guessed. */
function wantedUids({ session }: Turn, doomed: readonly Entry[]): ReadonlySet<string> {
  const going = new Set(doomed.map((entry) => entry.key));
  const staying = [...session.record.entries.values()].filter((entry) => !going.has(entry.key));
  return new Set(staying.flatMap((entry) => entry.applied?.uid ?? []));
}

/** Objects by wave and, inside each, by step, the last first. */
function inReverse(doomed: readonly Entry[]): Entry[][] {
  const places = new Map<string, Entry[]>();
  const last = doomed.toSorted((a, b) => b.wave - a.wave || b.step - a.step);
  for (const entry of last) {
    const place = `${entry.wave} ${entry.step}`;
    places.set(place, [...(places.get(place) ?? []), entry]);
  }
  return [...places.values()];
}

/** An object that is still there: on its way out, or refused. */
export interface Remainder {
  readonly message: string;
  readonly refusal: Refusal | undefined;
}

async function deleteEntry(turn: Turn, entry: Entry, wanted: ReadonlySet<string>): Promise<Remainder | undefined> {
  try {
    const left = await remove(turn, entry, wanted);
    if (typeof left === 'string') {
      turn.session.record.entries.set(entry.key, { ...entry, inexact: [left] });
      turn.session.unsaved = true;
      // On the way back it is told when that is done, with all else that stays.
      const isGood = turn.session.record.standing.bad === undefined;
      if (isGood) turn.world.event('Warning', 'LeftBehind', `${titleOf(entry.ref)}: ${left}`);
      return undefined;
    }
    if (left !== undefined) return { message: leavingText(left), refusal: undefined };
  } catch (error) {
    if (!(await isUnserved(turn, entry, error))) return refused(turn, entry, error);
  }
  drop(turn, entry);
  return undefined;
}

function refused({ session }: Turn, entry: Entry, error: unknown): Remainder {
  const refusal = refusalOf(entry, error);
  session.applyTrouble = { reason: 'PruneIncomplete', message: refusal.message, stalled: false };
  return { message: `${titleOf(entry.ref)} can not be deleted: ${refusal.message}`, refusal };
}

/**
 * Deletes the object if it is still the one that we applied, still ours, and not wanted under another name.
 * @returns the object while it is on its way out; undefined when it is gone or belongs to somebody else now; or why
 *   it stays, and on the list: somebody wrote on it that it shall be kept
 */
async function remove(
  { delivery, world }: Turn,
  entry: Entry,
  wanted: ReadonlySet<string>,
): Promise<KubeObject | string | undefined> {
  if (wanted.has(entry.applied?.uid ?? '')) return undefined;
  const cluster = world.cluster(targetOf(delivery));
  const live = await cluster.get(entry.ref);
  if (live === undefined) return undefined;
  if (!isOurs(live, entry, delivery.uid)) return unproven(live, entry, delivery.uid);
  if (wanted.has(live.metadata.uid ?? '')) return undefined;
  if (at(live, 'metadata', 'deletionTimestamp') !== undefined) return live;
  return keptBy(live) ?? cluster.delete(entry.ref, live);
}

/** A write whose answer was lost left no uid: then only our own stamp makes an object ours. */
function isOurs(live: KubeObject, entry: Entry, uid: string): boolean {
  const stamp = label(live, deliveryLabel);
  // Somebody else may have made it in the moment before, so that ours is only one hand of many.
  if (entry.applied === undefined) return stamp === shortUid(uid) && isOursAlone(live, fieldManager(uid));
  // What is only made where it is missing may never have been ours.
  const isUnstamped = stamp === undefined && !isOnlyCreated(entry.manifest);
  return live.metadata.uid === entry.applied.uid && (isUnstamped || stamp === shortUid(uid));
}

/** What bears our stamp without proof that we made it is left, and told: it may have been somebody's before. */
function unproven(live: KubeObject, { applied }: Entry, uid: string): string | undefined {
  const isDoubtful = applied === undefined && label(live, deliveryLabel) === shortUid(uid);
  return isDoubtful ? 'others have written it too, and no answer ever said who made it' : undefined;
}

/** With its kind an object is gone too. A group that only does not answer right now is another matter. */
async function isUnserved({ world }: Turn, entry: Entry, error: unknown): Promise<boolean> {
  if (!isNotServed(error)) return false;
  return world.kinds.refresh().then(
    () => world.kinds.isGone(groupOf(entry.ref.apiVersion), entry.ref.kind),
    () => false,
  );
}

function drop({ delivery, session, world }: Turn, entry: Entry): void {
  const { entries } = session.record;
  entries.delete(entry.key);
  session.unsaved = true;
  // The count that an autoscaler kept is Git's again: it is looked at, also by an agent that starts after this.
  const scaled = entries.get(scaledBy(entry.manifest) ?? '');
  if (scaled?.applied === undefined) return;
  entries.set(scaled.key, { ...scaled, applied: { ...scaled.applied, owned: '' } });
  world.watcher.question(delivery.uid, scaled.key);
}
