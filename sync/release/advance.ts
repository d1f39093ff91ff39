import { passesGate } from '../../health/scale.ts';
import { applyObject } from '../apply/apply.ts';
import { mayTake } from '../apply/filters/conflicts.ts';
import { type Delivery, identityOf } from '../delivery/delivery.ts';
import { inParallel } from '../parallel.ts';
import { foundationStep } from '../plan/order.ts';
import { conflictContext, refusalOf } from '../plan/try.ts';
import type { Session, World } from '../session.ts';
import { fieldManager, shortUid, stamped } from '../stamp.ts';
import { type KubeObject, titleOf } from '../types.ts';
import { ended, parallelRequests, saveRecord } from './begin.ts';
import { pruneRemoved } from './prune.ts';
import { type Entry, isPending, type ReleaseRecord, wavesOf } from './record.ts';

/**
 * Drives a release as far as it goes without waiting: applies the next wave that is due, looks at its health, and so on;
 * prunes once everything is healthy. When something must be waited for, it says what in `session.waiting` and returns;
 * an event or a timer brings it back. Where it stands follows from the record and the live state alone, so a restart
 * goes on at the same place.
 */
export async function advance(delivery: Delivery, session: Session, world: World): Promise<void> {
  session.waiting = [];
  if (session.record.phase !== 'Releasing') return;
  for (const wave of wavesOf(session.record)) {
    if (!(await finishWave(delivery, session, world, wave))) return;
  }
  await pruneRemoved(delivery, session, world);
  if (session.waiting.length > 0) return;
  await conclude(delivery, session, world);
}

/** Applies what is missing of a wave, step by step, and answers whether all of it is healthy. */
async function finishWave(delivery: Delivery, session: Session, world: World, wave: number): Promise<boolean> {
  const steps = stepsOf(session.record, wave);
  let applied = false;
  for (const entries of steps) {
    const pending = entries.filter(isPending);
    applied ||= pending.length > 0;
    if (!(await applyStep(delivery, session, world, pending))) return stopHere(delivery, session, world, applied);
    if (entries[0]?.step !== foundationStep) continue;
    if (!isHealthy(delivery, session, world, entries)) return stopHere(delivery, session, world, applied);
    if (pending.some((entry) => entry.ref.kind === 'CustomResourceDefinition')) await world.kinds.refresh();
  }
  return isHealthy(delivery, session, world, steps.flat()) || stopHere(delivery, session, world, applied);
}

/** The wanted objects of a wave, step by step in order. */
function stepsOf(record: ReleaseRecord, wave: number): Entry[][] {
  const steps = new Map<number, Entry[]>();
  for (const entry of record.entries.values()) {
    if (entry.removed || entry.wave !== wave) continue;
    const step = steps.get(entry.step);
    if (step === undefined) steps.set(entry.step, [entry]);
    else step.push(entry);
  }
  return [...steps.keys()].sort((a, b) => a - b).map((step) => steps.get(step) ?? []);
}

/** What was written is recorded before anything is waited for. */
async function stopHere(delivery: Delivery, session: Session, world: World, applied: boolean): Promise<false> {
  if (applied) await saveRecord(delivery, session, world);
  return false;
}

async function applyStep(
  delivery: Delivery,
  session: Session,
  world: World,
  pending: readonly Entry[],
): Promise<boolean> {
  const refusals: { message: string; permanent: boolean }[] = [];
  await inParallel(pending, parallelRequests, async (entry) => {
    try {
      await applyEntry(delivery, session, world, entry, entry.manifest, session.record.sequence);
    } catch (error) {
      refusals.push(refusalOf(entry, error));
    }
  });
  session.applyTrouble =
    refusals.length === 0
      ? undefined
      : {
          reason: 'ApplyFailed',
          message: refusals.map((refusal) => refusal.message).join('; '),
          stalled: refusals.some((refusal) => refusal.permanent),
        };
  return refusals.length === 0;
}

/** Applies one manifest, and takes the answer as the newest state and the reference for drift. */
export async function applyEntry(
  delivery: Delivery,
  session: Session,
  world: World,
  entry: Entry,
  manifest: KubeObject,
  sequence: number,
) {
  const stamp = {
    shortUid: shortUid(delivery.uid),
    owner: `${delivery.namespace}/${delivery.name}`,
    release: sequence,
  };
  const result = await applyObject(world.cluster(identityOf(delivery)), {
    object: stamped(manifest, stamp),
    uid: entry.applied?.uid,
    manager: fieldManager(delivery.uid),
    dryRun: false,
    mayTake: (conflict) => mayTake(conflict, conflictContext(entry, delivery.adopt)),
  });
  const live = world.watcher.learn(delivery.uid, entry.key, result.object);
  const isWanted = manifest === entry.manifest;
  const applied = {
    uid: live.uid,
    hash: isWanted ? entry.hash : (entry.applied?.hash ?? ''),
    owned: live.owned?.hash ?? '',
    sequence,
    ...(isWanted ? {} : { manifest }),
  };
  session.record.entries.set(entry.key, { ...entry, applied });
  return result;
}

/**
 * Whether everything that was changed since the last good release is healthy. What was degraded before and is not
 * touched does not hold a release back.
 */
function isHealthy(delivery: Delivery, session: Session, world: World, entries: readonly Entry[]): boolean {
  const since = session.record.good?.sequence ?? 0;
  for (const { key } of entries) {
    const entry = session.record.entries.get(key);
    if (entry?.applied === undefined || entry.applied.sequence <= since) continue;
    const health = world.watcher.live(delivery.uid, key)?.health;
    if (health === undefined) session.waiting.push(`${titleOf(entry.ref)}: not seen yet`);
    else if (!passesGate(health)) session.waiting.push(health.message);
  }
  return session.waiting.length === 0;
}

/** Everything is applied, healthy and pruned: the release is good. */
async function conclude(delivery: Delivery, session: Session, world: World): Promise<void> {
  const { record } = session;
  if (record.target === undefined) return;
  const { sequence, target } = record;
  const history = [ended(record, target, 'Good', world.clock.now()), ...record.history].slice(0, 10);
  session.record = { ...record, phase: 'Released', good: { sequence, revision: target.revision }, history };
  await saveRecord(delivery, session, world);
  const counts = Object.entries(record.actions).filter(([action]) => action !== 'unchanged');
  const summary =
    counts.length === 0 ? 'nothing to change' : counts.map(([action, count]) => `${count} ${action}`).join(', ');
  world.event(
    'Normal',
    'Synced',
    `release ${sequence} of ${target.revision.slice(0, 12)} by ${target.author} is good: ${summary}`,
  );
}
