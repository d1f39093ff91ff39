import { allTaken, stillTaken } from '../apply/taken.ts';
import { isForward } from '../hooks/phases.ts';
import { isSamePlace, placeOf } from '../plan/order.ts';
import { keptAlways } from '../plan/prune.ts';
import { titleOf } from '../types.ts';
import { aloneOf, appliedWith, type Entry, type Kept } from './record.ts';

/** An object as it is kept with a good release. Where nothing changed it is the very record of the release before. */
export function keptOf(entry: Entry, before: Kept | undefined): Kept | undefined {
  const { key, ref, manifest, hash, applied } = entry;
  if (applied === undefined || entry.hook !== undefined) return undefined;
  const isSameObject = before !== undefined && before.hash === hash && before.uid === applied.uid;
  const answer = applied.answer ?? (isSameObject ? before.answer : undefined);
  const adopted = entry.origin === 'adopted' || before?.adopted === true;
  const isSame =
    isSameObject &&
    isSamePlace(before, entry) &&
    before.sequence === applied.sequence &&
    before.answer === answer &&
    (before.adopted ?? false) === adopted &&
    (entry.found === undefined || before.found === entry.found) &&
    entry.taken === undefined;
  if (isSame) return before;
  const { uid, sequence } = applied;
  return {
    key,
    ref,
    ...placeOf(entry),
    manifest,
    hash,
    ...aloneOf(entry),
    uid,
    sequence,
    answer,
    ...(adopted ? { adopted } : {}),
    ...foundOf(entry, before),
    ...stillTaken(allTaken(before?.taken, entry.taken).taken, manifest),
  };
}

/** What an object was before it was taken over stays known as long as a release holds it. */
function foundOf({ found }: Entry, before: Kept | undefined): Pick<Kept, 'found'> {
  const known = found ?? before?.found;
  return known === undefined ? {} : { found: known };
}

/**
 * What each object shall be when a good release comes back: what it holds is wanted as it had it, everything else is to be
 * deleted. Whatever the bad release wanted otherwise is applied again, also where no answer ever said that it was written.
 * @param current the objects of the good release that is left, when a person goes back behind it
 */
export function turnBack(
  entries: ReadonlyMap<string, Entry>,
  good: ReadonlyMap<string, Kept>,
  current: ReadonlyMap<string, Kept> = good,
): Map<string, Entry> {
  const turned = new Map<string, Entry>();
  for (const [key, kept] of good) {
    const taken = allTaken(current.get(key)?.taken, entries.get(key)?.taken);
    turned.set(key, { ...backTo(kept, entries.get(key), current.has(key)), ...taken });
  }
  for (const [key, entry] of entries) {
    if (turned.has(key) || neverRan(entry)) continue;
    const known = current.get(key);
    const origin = known === undefined ? entry.origin : known.adopted === true ? 'adopted' : 'created';
    const leaves = { ...entry, removed: true, ...(origin === undefined ? {} : { origin }), ...foundOf(entry, known) };
    // A hook has run, or runs on the way back: its object is no part of what is undone.
    turned.set(key, entry.hook === undefined ? leaves : { ...entry, touched: false });
  }
  return turned;
}

/** A hook that has not begun on the way forward never does. */
function neverRan({ hook, applied, wave }: Entry): boolean {
  return hook !== undefined && applied === undefined && isForward(wave);
}

/** @param isCurrent whether the good release that is left holds it: if not, its prune may have begun */
function backTo(kept: Kept, entry: Entry | undefined, isCurrent: boolean): Entry {
  const { key, ref, manifest, hash } = kept;
  if (ref.kind === 'Job') return doneJob(kept, entry);
  const base = { key, ref, ...placeOf(kept), manifest, hash, ...aloneOf(kept), removed: false };
  const wanted: Entry = { ...base, applied: appliedWith(entry, hash) };
  const isThere = isCurrent || entry?.removed === false;
  const isAsItWas = entry !== undefined && entry.hash === hash && entry.touched !== true && isThere;
  if (isAsItWas) return wanted;
  const attempted = entry === undefined || entry.hash === hash ? {} : { attempted: entry.manifest };
  return { ...wanted, touched: true, doubted: true, ...attempted, ...(isCurrent ? {} : originAgain(kept, entry)) };
}

/**
 * What has to be made again is ours as it was before, also where no answer ever says so. What is only on the list of what
 * goes may be there still: it goes back onto the list.
 */
function originAgain({ adopted }: Kept, entry: Entry | undefined): Pick<Entry, 'origin' | 'isLeaving'> {
  if (entry?.removed === true) return { isLeaving: true };
  return { origin: adopted === true ? 'adopted' : 'created' };
}

/** A Job has done its work: a rollback neither makes it again nor changes it. */
function doneJob(kept: Kept, entry: Entry | undefined): Entry {
  const { key, ref, wave, step, manifest, hash, uid, sequence } = kept;
  const base = { key, ref, wave, step, manifest, hash, ...aloneOf(kept), removed: false };
  if (entry !== undefined && entry.hash === hash && entry.applied !== undefined)
    return { ...base, applied: entry.applied };
  return { ...base, applied: { uid, hash, owned: '', sequence, spent: 'Complete' } };
}

/** What becomes of an object that good does not have. */
export interface Fate {
  readonly entry: Entry;
  /** Why it stays; undefined when it goes. */
  readonly stays: string | undefined;
}

/**
 * What a rollback deletes once good is verified: only what the releases since good created. What they took over, and
 * what is never deleted by itself, stays and is told. What good itself still has to prune is another matter.
 */
export function fatesOf(entries: ReadonlyMap<string, Entry>): Fate[] {
  return [...entries.values()]
    .filter(({ removed, origin }) => removed && origin !== undefined)
    .map((entry) => ({ entry, stays: reasonToStay(entry) }));
}

function reasonToStay(entry: Entry): string | undefined {
  const title = titleOf(entry.ref);
  if (entry.origin !== 'created') return `${title} was there before and was only taken over`;
  const reason = keptAlways(entry.manifest);
  return reason === undefined ? undefined : `${title}: ${reason}`;
}
