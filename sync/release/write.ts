import { isOursAlone, withoutNoise } from '../../diff/normalize.ts';
import { placesAt } from '../../diff/places.ts';
import type { ApplyResult } from '../apply/apply.ts';
import { claim, defaultsInTheWay } from '../apply/claim.ts';
import { type Applier, applyManifest } from '../apply/entry.ts';
import { dropHands, takeFields } from '../apply/fields.ts';
import { allAlone } from '../apply/filters/ignored.ts';
import { makeRoom, tryReplace } from '../apply/replace.ts';
import { nameOf } from '../delivery/delivery.ts';
import { targetOf } from '../delivery/target.ts';
import { messageOf } from '../errors.ts';
import { isOnlyCreated } from '../options.ts';
import { refuseForeign } from '../plan/try.ts';
import type { Turn } from '../session.ts';
import { fieldManager, shortUid, stampNames } from '../stamp.ts';
import { type KubeObject, titleOf } from '../types.ts';
import { type Applied, aloneOf, type Entry, ignoredOf, runningSequence } from './record.ts';
import { saveRecord } from './save.ts';

/** Requests in flight at once for one Delivery. */
export const parallelRequests = 24;

/** For which Delivery a turn applies, and as whom. */
export function applierOf({
  delivery,
  world,
}: Pick<Turn, 'delivery'> & { readonly world: Pick<Turn['world'], 'cluster'> }): Applier {
  return { cluster: world.cluster(targetOf(delivery)), uid: delivery.uid, adopt: delivery.adopt };
}

/** What a release of this Delivery writes on the objects that it changes. */
export function stampOf({ delivery }: Pick<Turn, 'delivery'>, release: number) {
  return { shortUid: shortUid(delivery.uid), owner: nameOf(delivery), release };
}

/** Applies one object as the release wants it. */
export async function applyWanted(turn: Turn, entry: Entry): Promise<void> {
  const sequence = runningSequence(turn.session.record);
  if (isOnlyCreated(entry.manifest) && (await isThere(turn, entry, sequence))) return;
  await takeOver(turn, entry);
  const apply = () => applyEntry(turn, entry, entry.manifest, sequence, { isRelease: true });
  try {
    await apply();
  } catch (error) {
    const places = await defaultsInTheWay(applierOf(turn), entry, error);
    if (places.length === 0) return replaceEntry(turn, entry, error, sequence);
    await claim(applierOf(turn), entry, places, stampOf(turn, sequence));
    await apply();
  }
}

/** What is only made where it is missing is taken as it is where it is not. */
async function isThere(turn: Turn, entry: Entry, sequence: number): Promise<boolean> {
  const object = await applierOf(turn).cluster.get(entry.ref);
  if (object === undefined) return false;
  noteApplied(turn, entry, entry.manifest, sequence, { object, created: false, taken: [] }, { isRelease: true });
  return true;
}

/**
 * What could not be tried when the release was planned may turn out to be somebody else's; what is taken over comes with
 * the fields that its tool declared.
 */
async function takeOver({ delivery, session, world }: Turn, entry: Entry): Promise<void> {
  if (entry.applied !== undefined) return;
  if (session.tried.has(entry.key) && entry.origin !== 'adopted') return;
  const live = await world.cluster(targetOf(delivery)).get(entry.ref);
  if (live === undefined) return;
  refuseForeign(entry, live, shortUid(delivery.uid), delivery.adopt);
  // What was not planned, and so not written down, could not be given back.
  if (entry.origin === 'adopted') await takeFields(applierOf({ delivery, world }), live, entry.manifest);
}

/**
 * Makes room for an object that can't be changed to what is wanted, where that is allowed, and makes it again.
 * @param error what the change was refused for, thrown again where that is not it
 */
export async function replaceEntry(turn: Turn, entry: Entry, error: unknown, sequence: number): Promise<void> {
  const { session } = turn;
  const trial = { ...applierOf(turn), stamp: stampOf(turn, sequence) };
  if ((await tryReplace(trial, entry, error)) === undefined) throw error;
  // Until it is made again nobody heals it to what it was.
  const doubted = { ...entry, ...(await asItIs(trial, entry)), doubted: true };
  session.record.entries.set(entry.key, doubted);
  // What is left alone is known nowhere else once the object is gone.
  await saveRecord(turn, session.record);
  await makeRoom(trial, doubted);
  await applyEntry(turn, doubted, entry.manifest, sequence, { isRelease: true });
}

/** What is left alone of an object, to be made again as it is. On a second try the object may be gone already. */
async function asItIs({ cluster }: Applier, { ref, manifest, ignored, alone }: Entry): Promise<Pick<Entry, 'alone'>> {
  const live = ignored === undefined ? undefined : await cluster.get(ref);
  if (live === undefined || ignored === undefined) return alone === undefined ? {} : { alone };
  return { alone: placesAt(live, allAlone(manifest, live, ignored)) };
}

/**
 * Applies one manifest, and takes the answer as the newest state and the reference for drift.
 * @param isRelease whether this is what a release or its rollback does, so that the object's health counts for it;
 *   healing drift is not
 */
export async function applyEntry(
  turn: Turn,
  entry: Entry,
  manifest: KubeObject,
  sequence: number,
  { isRelease }: { readonly isRelease: boolean },
): Promise<ApplyResult> {
  turn.world.reach('before-apply');
  const how = { stamp: stampOf(turn, sequence), dryRun: false };
  const applied = await applyManifest(applierOf(turn), entry, manifest, how);
  turn.world.reach('apply-answered');
  tellTaken(turn, entry, applied);
  const result = { ...applied, object: await withoutHands(turn, applied.object, manifest) };
  noteApplied(turn, entry, manifest, sequence, result, { isRelease, answer: applied.object });
  return result;
}

/** Fields are only taken from others where the rules say so; whose they were is told all the same. */
function tellTaken({ delivery, world }: Turn, { key, ref }: Entry, { taken }: ApplyResult): void {
  if (taken.length === 0) return;
  const fields = taken.map(({ field, manager }) => `${field} from ${manager}`).join(', ');
  world.event('Normal', 'FieldsTaken', `${titleOf(ref)}: took ${fields}`);
  world.log.info({ delivery: nameOf(delivery), object: key, taken }, 'fields were taken from other managers');
}

/** It is done again after the next apply where somebody else wrote the object meanwhile. */
function withoutHands(turn: Turn, object: KubeObject, manifest: KubeObject): Promise<KubeObject> {
  return dropHands(applierOf(turn), object, manifest).catch((error: unknown) => {
    const { delivery, world } = turn;
    world.log.warn({ delivery: nameOf(delivery), problem: messageOf(error) }, 'fields stay with other managers too');
    return object;
  });
}

/**
 * Takes what an apply answered, or would have answered had the answer not been lost, as the newest state of an object.
 * @param answer what it was before hands were taken off it: who else has written it
 */
export function noteApplied(
  turn: Turn,
  entry: Entry,
  manifest: KubeObject,
  sequence: number,
  result: ApplyResult,
  { isRelease, answer = result.object }: { readonly isRelease: boolean; readonly answer?: KubeObject },
): void {
  const { delivery, session, world } = turn;
  const live = world.watcher.learn(delivery.uid, entry.key, result.object);
  const isWanted = manifest === entry.manifest;
  // Of an object that was made anew, the answer to the one before says nothing.
  const isOther = entry.applied !== undefined && entry.applied.uid !== live.uid;
  const keepsAnswer = isWanted && (isRelease || isOther || entry.applied?.answer !== undefined);
  const applied: Applied = {
    uid: live.uid,
    hash: isWanted ? entry.hash : (entry.applied?.hash ?? ''),
    owned: live.owned ?? '',
    sequence,
    ...actionOf(entry, result, isRelease),
    ...(isWanted ? {} : { manifest, ...aloneOf({ ignored: ignoredOf(entry, manifest) }) }),
    ...(keepsAnswer ? { answer: withoutNoise(result.object, stampNames) as KubeObject } : {}),
  };
  const origin = originOf(turn, entry, { ...result, object: answer });
  const { doubted, inexact: _inexact, alone: _alone, ...known } = entry;
  session.record.entries.set(entry.key, {
    ...known,
    applied,
    ...(origin === undefined ? {} : { origin }),
    ...(isRelease ? { touched: true } : {}),
    ...(doubted === true && !isWanted ? { doubted } : {}),
  });
  session.unsaved = true;
}

/** What a release did with an object stays told while drift is healed. */
function actionOf({ applied }: Entry, { created }: ApplyResult, isRelease: boolean): Pick<Applied, 'action'> {
  if (isRelease) return { action: created ? 'create' : applied === undefined ? 'adopt' : 'update' };
  return applied?.action === undefined ? {} : { action: applied.action };
}

/**
 * Who made an object that good does not hold: we did when the API server said so, or when it was planned so and nobody
 * else has put a hand on it (the answer to the first apply was lost). All else was only taken over.
 */
function originOf({ delivery, session }: Turn, entry: Entry, result: ApplyResult): Entry['origin'] {
  if (session.record.goods[0]?.objects.has(entry.key) === true) return undefined;
  if (entry.isLeaving === true) return result.created ? 'created' : entry.origin;
  if (entry.applied !== undefined && entry.origin !== undefined) return entry.origin;
  if (result.created) return 'created';
  const isAlone = isOursAlone(result.object, fieldManager(delivery.uid));
  return entry.origin === 'created' && isAlone ? 'created' : 'adopted';
}
