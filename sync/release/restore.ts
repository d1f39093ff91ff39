import { at } from '../../diff/json.ts';
import { type Foreign, type Leftovers, leftovers } from '../../diff/leftovers.ts';
import { otherManagers, withoutNoise } from '../../diff/normalize.ts';
import { isWithin, names, type Place, pathText, sendable, withoutPlaces, withPlaces } from '../../diff/places.ts';
import { claim } from '../apply/claim.ts';
import { applyManifest } from '../apply/entry.ts';
import { allAlone } from '../apply/filters/ignored.ts';
import { handBack } from '../apply/hand-back.ts';
import { dueBack, type Taken } from '../apply/taken.ts';
import { ApiError, LockstepError } from '../errors.ts';
import type { Turn } from '../session.ts';
import { fieldManager, releaseAnnotation, stamped, stampNames } from '../stamp.ts';
import { annotation, type KubeObject } from '../types.ts';
import { type Entry, goodOf, healingManifest, type Kept, runningSequence } from './record.ts';
import { applierOf, applyEntry, stampOf } from './write.ts';

/**
 * Brings one object back to what it was when its good release was verified: applying the old manifest alone is not always
 * the inverse. What the bad variant left behind and nobody owns is claimed with its live value and then dropped; what the
 * server would choose anew is sent once as it was. See docs/design/exact-inverse.md.
 */
export async function restoreEntry(turn: Turn, entry: Entry): Promise<void> {
  const { session, world } = turn;
  world.reach('mid-rollback');
  const { record } = session;
  const kept = goodOf(record, record.standing.target?.sequence)?.objects.get(entry.key);
  const live = await applierOf(turn).cluster.get(entry.ref);
  const due = live === undefined ? [] : dueBack(entry.taken ?? [], entry.manifest, live, turn.delivery.uid);
  const isReady = live !== undefined && kept !== undefined && (await prepare(turn, entry, kept, live, due));
  const sequence = kept?.sequence ?? runningSequence(record);
  const { object } = await applyEntry(turn, entry, entry.manifest, sequence, { isRelease: true });
  const left = kept?.answer === undefined ? exact : compared(turn, entry, object, kept.answer);
  noteInexact(turn, entry, left, isReady ? [] : due);
}

const exact: Leftovers = { added: [], lost: [], foreign: [] };

/**
 * Everything that has to happen before the old manifest is applied, so that nothing in between is ever rolled out.
 * @returns whether what was others' is theirs again
 */
async function prepare(
  turn: Turn,
  entry: Entry,
  kept: Kept,
  live: KubeObject,
  due: readonly Taken[],
): Promise<boolean> {
  if (isSealedBy(live) && !isSealedBy(entry.manifest)) {
    await replaceSealed(turn, entry, live);
    return false;
  }
  const lost = kept.answer === undefined ? [] : await claimLeftovers(turn, entry, kept.answer, live);
  // Another object of the same name can't have the addresses of the one that was lost.
  if (lost === 'refused' || live.metadata.uid !== kept.uid) return false;
  const theirs = due.flatMap(({ places }) => places);
  return lost.length + theirs.length === 0 || sendOnce(turn, entry, [...lost, ...theirs], due);
}

/**
 * Makes ours what the bad variant left behind, so that it goes with the old manifest.
 * @returns what the server would choose anew, as it was; or that the old manifest is refused as things are
 */
async function claimLeftovers(
  turn: Turn,
  entry: Entry,
  answer: KubeObject,
  live: KubeObject,
): Promise<Place[] | 'refused'> {
  const [applier, stamp] = [applierOf(turn), stampOf(turn, runningSequence(turn.session.record))];
  const last = lastApplied(turn, entry, live);
  let tried = await tryGood(turn, entry);
  if (tried === undefined) {
    await claim(applier, entry, compared(turn, entry, live, answer).added, stamp, last);
    tried = await tryGood(turn, entry);
    if (tried === undefined) return 'refused';
  }
  const left = compared(turn, entry, tried, answer);
  await claim(applier, entry, left.added, stamp, last);
  return sendable(left.lost, entry.manifest, answer);
}

/**
 * Sends values with the old manifest. What was others' is theirs again then, so that it stays when it is sent no longer.
 * @returns whether that was done
 */
async function sendOnce(turn: Turn, entry: Entry, places: readonly Place[], due: readonly Taken[]): Promise<boolean> {
  const applier = applierOf(turn);
  const how = { stamp: stampOf(turn, runningSequence(turn.session.record)), dryRun: false };
  try {
    const { object } = await applyManifest(applier, entry, withPlaces(entry.manifest, places), how);
    if (due.length > 0) await handBack(applier, object, due);
    return true;
  } catch (error) {
    // Somebody else has it by now. Good comes back without it, and that is told.
    if (!isLasting(error)) throw error;
    return false;
  }
}

function isLasting(error: unknown): boolean {
  if (error instanceof LockstepError) return error.code === 'FieldConflict';
  return error instanceof ApiError && (error.class === 'permanent' || error.status === 422);
}

/** What is left alone has no way back: it is as it is. */
function compared({ delivery }: Turn, entry: Entry, object: KubeObject, answer: KubeObject): Leftovers {
  const { ignored, manifest } = entry;
  const places = ignored === undefined ? [] : allAlone(manifest, object, ignored);
  const [now, then] = [withoutNoise(object, stampNames), answer].map((one) => withoutPlaces(one, places));
  return leftovers(now ?? object, then ?? answer, object, fieldManager(delivery.uid));
}

/** What the old manifest would make of the object; undefined when the API server would refuse it as things are. */
async function tryGood(turn: Turn, entry: Entry): Promise<KubeObject | undefined> {
  try {
    const how = { stamp: stampOf(turn, runningSequence(turn.session.record)), dryRun: true };
    return (await applyManifest(applierOf(turn), entry, entry.manifest, how)).object;
  } catch (error) {
    if (error instanceof ApiError && error.status === 422) return undefined;
    throw error;
  }
}

/** What was applied last: the stamp on the object tells where the answer to that was lost. */
function lastApplied({ session }: Turn, entry: Entry, live: KubeObject): KubeObject {
  const isByBad = annotation(live, releaseAnnotation) === String(session.record.standing.bad?.sequence);
  return (isByBad ? entry.attempted : undefined) ?? healingManifest(entry);
}

function isSealedBy(object: KubeObject): boolean {
  return (object.kind === 'ConfigMap' || object.kind === 'Secret') && at(object, 'immutable') === true;
}

/**
 * A ConfigMap or Secret that was made immutable can only be deleted and made again. It must be wholly ours: nobody else's
 * data is thrown away. The record already says that it is to be written, so that a crash in between makes it again.
 */
async function replaceSealed(turn: Turn, entry: Entry, live: KubeObject): Promise<void> {
  const others = otherManagers(live, fieldManager(turn.delivery.uid));
  if (others.length > 0) return;
  const { cluster } = applierOf(turn);
  // Nothing is deleted that could not be made again.
  const stamp = stampOf(turn, runningSequence(turn.session.record));
  await cluster.tryCreate(stamped(entry.manifest, stamp), fieldManager(turn.delivery.uid));
  await cluster.delete(entry.ref, live, 'Background');
}

/**
 * What could not be brought back, or given back, is told: such a rollback is not exact. What others set, and neither revision ever named,
 * is none of its business: a count that an autoscaler keeps.
 */
function noteInexact({ session }: Turn, entry: Entry, left: Leftovers, notGivenBack: readonly Taken[]): void {
  const ours = [entry.manifest, healingManifest(entry), ...(entry.attempted === undefined ? [] : [entry.attempted])];
  const isGivenBack = ({ path, manager }: Foreign): boolean =>
    (entry.taken ?? []).some(
      (one) => one.manager === manager && one.places.some((place) => isWithin(place.path, path)),
    );
  const kept = left.foreign.filter((one) => ours.some((manifest) => names(manifest, one.path)) && !isGivenBack(one));
  const told = [
    ...kept.map(({ path, manager }) => `${pathText(path)} (kept by ${manager})`),
    ...[...left.added, ...left.lost].map(({ path }) => `${pathText(path)} (could not be brought back)`),
    ...notGivenBack.flatMap(({ manager, places }) =>
      places.map(({ path }) => `${pathText(path)} (could not be given back to ${manager})`),
    ),
  ];
  const now = session.record.entries.get(entry.key);
  if (now === undefined || told.length === 0) return;
  session.record.entries.set(entry.key, { ...now, inexact: told });
  session.unsaved = true;
}
