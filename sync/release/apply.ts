import { passesGate } from '../../health/scale.ts';
import { type BackOff, delayAfter } from '../back-off.ts';
import { inOneLine } from '../errors.ts';
import { pollWhenDue } from '../find.ts';
import { inParallel } from '../parallel.ts';
import { foundationStep } from '../plan/order.ts';
import { type Refusal, refusalOf } from '../plan/try.ts';
import { lookAgainAt, type Turn } from '../session.ts';
import { titleOf } from '../types.ts';
import { type Entry, isPending, wavesOf } from './record.ts';
import type { Cause } from './standing.ts';
import { parallelRequests } from './write.ts';

/** How far applying came: `applied` all there is, `waiting` for something, or a refusal that no other try changes. */
export type Progress = 'applied' | 'waiting' | Cause;

/** How one object is applied. */
export type ApplyOne = (turn: Turn, entry: Entry) => Promise<void>;

/**
 * Applies what is missing of the waves up to one, step by step. Namespaces and CRDs are waited for before what they hold
 * is sent. It stops at the next object when the tip or the Delivery has changed meanwhile.
 * @param upTo the last wave, counted from 0
 */
export async function applyWaves(turn: Turn, upTo: number, applyOne: ApplyOne): Promise<Progress> {
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
  const pending = entries.filter((entry) => isPending(entry) && !isLeftAlone(turn, entry));
  const awaited = pending.map((entry) => unmetNeeds(turn, entry));
  const free = pending.filter((_entry, index) => awaited[index]?.length === 0);
  const applied = await applyStep(turn, free, applyOne);
  turn.session.waiting.push(...awaited.flat());
  const progress = applied === 'applied' && free.length < pending.length ? 'waiting' : applied;
  if (progress !== 'applied' || entries[0]?.step !== foundationStep) return progress;
  if (!isFoundationReady(turn, entries)) return 'waiting';
  if (pending.some((entry) => entry.ref.kind === 'CustomResourceDefinition')) await turn.world.kinds.refresh();
  return 'applied';
}

/** Somebody wrote on the live object that it is to be left alone: what is wanted of it waits for another release. */
function isLeftAlone({ delivery, world }: Turn, { key }: Entry): boolean {
  return world.watcher.live(delivery.uid, key)?.isLeftAlone === true;
}

/**
 * What an object depends on by name and what is not healthy yet. On the way back nothing is waited for: good was in that
 * order once.
 */
function unmetNeeds(turn: Turn, { ref, after = [] }: Entry): string[] {
  const { record } = turn.session;
  if (record.standing.bad !== undefined) return [];
  return after.flatMap((key) => {
    const other = record.entries.get(key);
    if (other === undefined || other.removed || other.applied?.spent === 'Complete') return [];
    const why = isPending(other) ? `${titleOf(other.ref)}: not applied yet` : unwellness(turn, other);
    return why === undefined ? [] : [`${titleOf(ref)} waits for ${why}`];
  });
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
    const early = refusedOfLate(turn, entry);
    if (early !== undefined) refusals.push(early);
    if (isStopped || early !== undefined) return;
    try {
      await applyOne(turn, entry);
      session.refused.delete(entry.key);
      world.reach('step-applied');
    } catch (error) {
      const refusal = refusalOf(entry, error);
      refusals.push(refusal);
      noteRefusal(turn, entry, refusal);
    }
  });
  if (refusals.length === 0) return isStopped ? 'waiting' : 'applied';
  const message = inOneLine(refusals.map((refusal) => refusal.message));
  const permanent = refusals.find((refusal) => refusal.permanent);
  session.applyTrouble = { reason: 'ApplyFailed', message, stalled: permanent !== undefined };
  session.waiting.push(message);
  return permanent === undefined ? 'waiting' : { reason: permanent.code, message };
}

/** What was refused a moment ago is not asked again at each turn. */
function refusedOfLate({ session, world }: Turn, { key }: Entry): Refusal | undefined {
  const last = session.refused.get(key);
  return last === undefined || world.clock.steady() >= last.retryAt ? undefined : last.refusal;
}

const backOff: BackOff = { first: 1_000, longest: 30_000 };

/** What is on its way out is waited for by watches: it is tried at every turn. */
function noteRefusal({ session, world }: Turn, { key }: Entry, refusal: Refusal): void {
  if (refusal.code === 'Terminating') return;
  const tries = (session.refused.get(key)?.tries ?? 0) + 1;
  const retryAt = world.clock.steady() + Math.max(delayAfter(tries, backOff), refusal.retryAfter ?? 0);
  session.refused.set(key, { tries, retryAt, refusal });
  lookAgainAt(session, retryAt);
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
