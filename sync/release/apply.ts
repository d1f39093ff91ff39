import { isOursAlone, withoutNoise } from '../../diff/normalize.ts';
import { passesGate } from '../../health/scale.ts';
import type { ApplyResult } from '../apply/apply.ts';
import { claim, defaultsInTheWay } from '../apply/claim.ts';
import { type Applier, applyManifest } from '../apply/entry.ts';
import { identityOf, nameOf } from '../delivery/delivery.ts';
import { inOneLine } from '../errors.ts';
import { pollWhenDue } from '../find.ts';
import { inParallel } from '../parallel.ts';
import { foundationStep } from '../plan/order.ts';
import { type Refusal, refusalOf, refuseForeign } from '../plan/try.ts';
import type { Turn } from '../session.ts';
import { fieldManager, shortUid, stampNames } from '../stamp.ts';
import { type KubeObject, titleOf } from '../types.ts';
import { type Applied, type Entry, isPending, runningSequence, wavesOf } from './record.ts';
import type { Cause } from './standing.ts';

/** Requests in flight at once for one Delivery. */
export const parallelRequests = 24;

/** For which Delivery a turn applies, and as whom. */
export function applierOf({
  delivery,
  world,
}: Pick<Turn, 'delivery'> & { readonly world: Pick<Turn['world'], 'cluster'> }): Applier {
  return { cluster: world.cluster(identityOf(delivery)), uid: delivery.uid, adopt: delivery.adopt };
}

/** What a release of this Delivery writes on the objects that it changes. */
export function stampOf({ delivery }: Pick<Turn, 'delivery'>, release: number) {
  return { shortUid: shortUid(delivery.uid), owner: nameOf(delivery), release };
}

/** How far applying came: `applied` all there is, `waiting` for something, or a refusal that no other try changes. */
export type Progress = 'applied' | 'waiting' | Cause;

/** How one object is applied. */
export type ApplyOne = (turn: Turn, entry: Entry) => Promise<void>;

/**
 * Applies what is missing of the waves up to one, step by step. Namespaces and CRDs are waited for before what they hold
 * is sent. It stops at the next object when the tip or the Delivery has changed meanwhile.
 * @param upTo the last wave, counted from 0
 */
export async function applyWaves(turn: Turn, upTo: number, applyOne: ApplyOne = applyWanted): Promise<Progress> {
  const { record } = turn.session;
  const steps = wavesOf(record.entries)
    .slice(0, upTo + 1)
    .flatMap((wave) => stepsOf(record.entries, wave));
  // On the way back one object that is refused must not keep all others from coming back.
  const isThorough = record.standing.bad !== undefined;
  let worst: Progress = 'applied';
  for (const entries of steps) {
    const progress = await finishStep(turn, entries, applyOne);
    if (progress !== 'applied' && !isThorough) return progress;
    worst = worseOf(worst, progress);
  }
  return worst;
}

/** A refusal that stays is worse than a wait. */
function worseOf(a: Progress, b: Progress): Progress {
  if (typeof a !== 'string' || b === 'applied') return a;
  return b;
}

async function finishStep(turn: Turn, entries: readonly Entry[], applyOne: ApplyOne): Promise<Progress> {
  const pending = entries.filter(isPending);
  const progress = await applyStep(turn, pending, applyOne);
  if (progress !== 'applied' || entries[0]?.step !== foundationStep) return progress;
  if (!isFoundationReady(turn, entries)) return 'waiting';
  if (pending.some((entry) => entry.ref.kind === 'CustomResourceDefinition')) await turn.world.kinds.refresh();
  return 'applied';
}

/** The wanted objects of a wave, step by step in order. */
function stepsOf(all: ReadonlyMap<string, Entry>, wave: number): Entry[][] {
  const steps = new Map<number, Entry[]>();
  for (const entry of all.values()) {
    if (entry.removed || entry.wave !== wave) continue;
    const step = steps.get(entry.step);
    if (step === undefined) steps.set(entry.step, [entry]);
    else step.push(entry);
  }
  return [...steps.keys()].sort((a, b) => a - b).map((step) => steps.get(step) ?? []);
}

async function applyStep(turn: Turn, pending: readonly Entry[], applyOne: ApplyOne): Promise<Progress> {
  const { session, world } = turn;
  const refusals: Refusal[] = [];
  let isStopped = false;
  await inParallel(pending, parallelRequests, async (entry) => {
    isStopped ||= isInterrupted(turn);
    if (isStopped) return;
    try {
      await applyOne(turn, entry);
      world.reach('step-applied');
    } catch (error) {
      refusals.push(refusalOf(entry, error));
    }
  });
  if (refusals.length === 0) return isStopped ? 'waiting' : 'applied';
  const message = inOneLine(refusals.map((refusal) => refusal.message));
  const permanent = refusals.find((refusal) => refusal.permanent);
  session.applyTrouble = { reason: 'ApplyFailed', message, stalled: permanent !== undefined };
  session.waiting.push(message);
  return permanent === undefined ? 'waiting' : { reason: permanent.code, message };
}

/** Whether what is being done is out of date: the Delivery was changed, or Git says something else by now. */
function isInterrupted(turn: Turn): boolean {
  const { session, world } = turn;
  if (world.isOutdated()) return true;
  void pollWhenDue(turn);
  const found = session.found?.tip.revision;
  const { tip, state } = session.record.standing;
  return state === 'Applying' && found !== undefined && found === session.tip && found !== tip?.revision;
}

/** Why an object does not let others go on; undefined when it does. */
export function unwellness({ delivery, world }: Turn, { key, ref }: Entry): string | undefined {
  const health = world.watcher.live(delivery.uid, key)?.health;
  if (health === undefined) return `${titleOf(ref)}: not seen yet`;
  return passesGate(health) ? undefined : health.message;
}

function isFoundationReady(turn: Turn, entries: readonly Entry[]): boolean {
  const { session } = turn;
  const touched = entries.filter(({ key }) => session.record.entries.get(key)?.touched === true);
  const notReady = touched.flatMap((entry) => unwellness(turn, entry) ?? []);
  session.waiting.push(...notReady);
  return notReady.length === 0;
}

async function applyWanted(turn: Turn, entry: Entry): Promise<void> {
  await refuseUntried(turn, entry);
  const sequence = runningSequence(turn.session.record);
  const apply = () => applyEntry(turn, entry, entry.manifest, sequence, { isRelease: true });
  try {
    await apply();
  } catch (error) {
    const places = await defaultsInTheWay(applierOf(turn), entry, error);
    if (places.length === 0) throw error;
    await claim(applierOf(turn), entry, places, stampOf(turn, sequence));
    await apply();
  }
}

/** What could not be tried when the release was planned may turn out to be somebody else's. */
async function refuseUntried({ delivery, session, world }: Turn, entry: Entry): Promise<void> {
  if (entry.applied !== undefined || session.tried.has(entry.key)) return;
  const live = await world.cluster(identityOf(delivery)).get(entry.ref);
  if (live !== undefined) refuseForeign(entry, live, shortUid(delivery.uid), delivery.adopt);
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
  const { delivery, session, world } = turn;
  world.reach('before-apply');
  const how = { stamp: stampOf(turn, sequence), dryRun: false };
  const result = await applyManifest(applierOf(turn), entry, manifest, how);
  world.reach('apply-answered');
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
    ...(isWanted ? {} : { manifest }),
    ...(keepsAnswer ? { answer: withoutNoise(result.object, stampNames) as KubeObject } : {}),
  };
  const origin = originOf(turn, entry, result);
  const { doubted, inexact: _inexact, ...known } = entry;
  session.record.entries.set(entry.key, {
    ...known,
    applied,
    ...(origin === undefined ? {} : { origin }),
    ...(isRelease ? { touched: true } : {}),
    ...(doubted === true && !isWanted ? { doubted } : {}),
  });
  session.unsaved = true;
  return result;
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
  if (entry.applied !== undefined && entry.origin !== undefined) return entry.origin;
  if (result.created) return 'created';
  const isAlone = isOursAlone(result.object, fieldManager(delivery.uid));
  return entry.origin === 'created' && isAlone ? 'created' : 'adopted';
}
