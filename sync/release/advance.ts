import { passesGate } from '../../health/scale.ts';
import type { ApplyResult } from '../apply/apply.ts';
import { applyManifest } from '../apply/entry.ts';
import { identityOf } from '../delivery/delivery.ts';
import { inParallel } from '../parallel.ts';
import { foundationStep } from '../plan/order.ts';
import { type Refusal, refusalOf, refuseForeign } from '../plan/try.ts';
import type { Turn } from '../session.ts';
import { shortUid } from '../stamp.ts';
import { type KubeObject, titleOf } from '../types.ts';
import { applierOf, ended, parallelRequests, saveRecord, stampOf } from './begin.ts';
import { pruneRemoved } from './prune.ts';
import { type Applied, type Entry, isPending, type ReleaseRecord, wavesOf } from './record.ts';

/**
 * Drives a release as far as it goes without waiting: applies the next wave that is due, looks at its health, and so on;
 * prunes once everything is healthy. When something must be waited for, it says what in `session.waiting` and returns;
 * an event or a timer brings it back. Where it stands follows from the record and the live state alone, so a restart
 * goes on at the same place.
 */
export async function advance(turn: Turn): Promise<void> {
  const { session } = turn;
  session.waiting = [];
  session.applyTrouble = undefined;
  if (session.record.phase !== 'Releasing') return;
  for (const wave of wavesOf(session.record)) {
    if (!(await finishWave(turn, wave))) return;
  }
  await pruneRemoved(turn);
  if (session.waiting.length > 0) return;
  await conclude(turn);
}

/** Applies what is missing of a wave, step by step, and answers whether all of it is healthy. */
async function finishWave(turn: Turn, wave: number): Promise<boolean> {
  const steps = stepsOf(turn.session.record, wave);
  for (const entries of steps) {
    const pending = entries.filter(isPending);
    if (!(await applyStep(turn, pending))) return false;
    if (entries[0]?.step !== foundationStep) continue;
    if (!isHealthy(turn, entries)) return false;
    if (pending.some((entry) => entry.ref.kind === 'CustomResourceDefinition')) await turn.world.kinds.refresh();
  }
  return isHealthy(turn, steps.flat());
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

async function applyStep(turn: Turn, pending: readonly Entry[]): Promise<boolean> {
  const refusals: Refusal[] = [];
  await inParallel(pending, parallelRequests, async (entry) => {
    try {
      await refuseUntried(turn, entry);
      await applyEntry(turn, entry, entry.manifest, turn.session.record.sequence);
    } catch (error) {
      refusals.push(refusalOf(entry, error));
    }
  });
  if (refusals.length === 0) return true;
  const message = [...new Set(refusals.map((refusal) => refusal.message))].join('; ');
  turn.session.applyTrouble = {
    reason: 'ApplyFailed',
    message,
    stalled: refusals.some((refusal) => refusal.permanent),
  };
  return false;
}

/** What could not be tried when the release was planned may turn out to be somebody else's. */
async function refuseUntried({ delivery, session, world }: Turn, entry: Entry): Promise<void> {
  if (entry.applied !== undefined || session.tried.has(entry.key)) return;
  const live = await world.cluster(identityOf(delivery)).get(entry.ref);
  if (live !== undefined) refuseForeign(entry, live, shortUid(delivery.uid), delivery.adopt);
}

/** Applies one manifest, and takes the answer as the newest state and the reference for drift. */
export async function applyEntry(
  turn: Turn,
  entry: Entry,
  manifest: KubeObject,
  sequence: number,
): Promise<ApplyResult> {
  const { delivery, session, world } = turn;
  const how = { stamp: stampOf(turn, sequence), dryRun: false };
  const result = await applyManifest(applierOf(turn), entry, manifest, how);
  const live = world.watcher.learn(delivery.uid, entry.key, result.object);
  const isWanted = manifest === entry.manifest;
  const applied: Applied = {
    uid: live.uid,
    hash: isWanted ? entry.hash : (entry.applied?.hash ?? ''),
    owned: live.owned ?? '',
    sequence,
    ...(isWanted ? {} : { manifest }),
  };
  session.record.entries.set(entry.key, { ...entry, applied });
  session.unsaved = true;
  return result;
}

/**
 * Whether everything that was changed since the last good release is healthy. What was degraded before and is not
 * touched does not hold a release back.
 */
function isHealthy({ delivery, session, world }: Turn, entries: readonly Entry[]): boolean {
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
async function conclude(turn: Turn): Promise<void> {
  const { session, world } = turn;
  const { record } = session;
  if (record.target === undefined) return;
  const { sequence, target } = record;
  const history = [ended(record, target, 'Good', world.clock.now()), ...record.history].slice(0, 10);
  const good: ReleaseRecord = { ...record, phase: 'Released', good: { sequence, revision: target.revision }, history };
  await saveRecord(turn, good);
  session.record = good;
  const counts = Object.entries(record.actions).filter(([action]) => action !== 'unchanged');
  const summary =
    counts.length === 0 ? 'nothing to change' : counts.map(([action, count]) => `${count} ${action}`).join(', ');
  const who = `${target.revision.slice(0, 12)} by ${target.author}`;
  world.event('Normal', 'Synced', `release ${sequence} of ${who} is good: ${summary}`);
}
