import { rollsOut, wantsNoPods } from '../../health/rollout.ts';
import { passesGate } from '../../health/scale.ts';
import { healthSignal, type Signal } from '../../health/signals.ts';
import type { Live } from '../../health/tracked.ts';
import { targetOf } from '../delivery/target.ts';
import { lookAgainAt, type Session, type Turn } from '../session.ts';
import { titleOf } from '../types.ts';
import type { Entry } from './record.ts';
import type { Cause } from './standing.ts';
import { isTakenKey } from './taken-key.ts';

/** A rollout that is done this quickly needs no look at its pods, in milliseconds. */
const grace = 300;
/** How long a refusal must last on the way back, in milliseconds. */
const settling = 15_000;
/** Workloads whose pods are followed at once, so that a release of hundreds does not open thousands of watches. */
const mostFollowed = 32;

/** What waiting for health has come to. */
export interface Judgement {
  /** What is waited for; nothing when all is well. */
  readonly waiting: readonly string[];
  /** A signal of failure has lasted long enough. */
  readonly failure: Cause | undefined;
}

/**
 * Looks at the health of objects, and, where a workload is not well, at the pods of its new revision. Also says, in
 * `session.lookAt`, when a signal that is there now would have lasted long enough.
 */
export function judge(turn: Turn, entries: readonly Entry[]): Judgement {
  const { delivery, session, world } = turn;
  const waiting: string[] = [];
  const unwell: Entry[] = [];
  const seen = new Set<string>();
  let failure: Due | undefined;
  for (const entry of entries) {
    const live = world.watcher.live(delivery.uid, entry.key);
    if (live === undefined) waiting.push(`${titleOf(entry.ref)}: not seen yet`);
    if (live === undefined || passesGate(live.health)) continue;
    unwell.push(entry);
    const { isWaived, found } = unwaived(turn, dueSignals(turn, entry, live, seen));
    if (!isWaived) waiting.push(live.health.message);
    failure ??= found;
  }
  session.failing = failure?.container;
  for (const sign of session.signs.keys()) if (!seen.has(sign)) session.signs.delete(sign);
  followPods(turn, unwell);
  return { waiting: waiting.length === 0 ? [] : [...waiting, ...unseen(turn)], failure: failure?.cause };
}

/** What can't be watched is told with what is waited for: without it failures are only seen late. */
function unseen({ delivery, world }: Turn): string[] {
  const troubles = world.rollouts.troubles(delivery.uid);
  return troubles.map(({ kind, error }) => `a look at its pods: ${kind} can't be watched: ${error.message}`);
}

/** A person may have accepted just one check: it neither fails the release nor holds it up, all others do. */
function unwaived({ session }: Turn, due: readonly Due[]): { isWaived: boolean; found: Due | undefined } {
  const accepted = session.record.standing.target?.accepted?.check;
  const found = due.find(({ cause }) => cause.reason !== accepted);
  return { isWaived: found === undefined && due.length > 0, found };
}

/** A signal that has lasted long enough. */
interface Due {
  readonly cause: Cause;
  /** The container whose log tells more. */
  readonly container: Session['failing'];
}

/** Since when a sign is seen. */
function sinceWhen({ session, world }: Turn, sign: string, seen: Set<string>): number {
  seen.add(sign);
  const since = session.signs.get(sign) ?? world.clock.steady();
  session.signs.set(sign, since);
  return since;
}

/** The signals of an object, and of its pods, that have lasted long enough. */
function dueSignals(turn: Turn, entry: Entry, { health, revision }: Live, seen: Set<string>): Due[] {
  const { delivery, session, world } = turn;
  const due: Due[] = [];
  const own = healthSignal(health);
  if (own !== undefined && isDue(turn, own, sinceWhen(turn, `${entry.key} ${own.name}`, seen))) {
    const job = entry.ref.kind === 'Job' ? { job: entry.ref } : undefined;
    due.push({ cause: { reason: own.reason, message: health.message }, container: job });
  }
  for (const signal of world.rollouts.signals(delivery.uid, entry.key, revision)) {
    const { pod, container, name, reason } = signal;
    const isOurs = name === 'config' && isTakenKey(session.record, entry, signal.message);
    if (!isDue(turn, { ...signal, isCertain: signal.isCertain || isOurs }, signal.since)) continue;
    const message = `${titleOf(entry.ref)}: ${pod === undefined ? '' : `pod ${pod.name}: `}${signal.message}`;
    const log =
      pod === undefined || container === undefined ? undefined : { pod, container, previous: name === 'crashLoop' };
    due.push({ cause: { reason, message }, container: log });
  }
  return due;
}

function isDue({ delivery, session, world }: Turn, signal: Signal, since: number): boolean {
  const time = delivery.signals[signal.name];
  if (time === Number.POSITIVE_INFINITY || signal.isPausing === true) return false;
  // Right after a template came back, its controller may still tell of the failure before.
  const least = session.record.standing.bad !== undefined && signal.name === 'refused' ? settling : 0;
  const due = signal.isCertain ? since : since + Math.max(time, least);
  if (due <= world.clock.steady()) return true;
  lookAgainAt(session, due);
  return false;
}

function followPods(turn: Turn, unwell: readonly Entry[]): void {
  const { delivery, session, world } = turn;
  const rolling = unwell.filter(({ manifest }) => rollsOut(manifest) && !wantsNoPods(manifest));
  if (rolling.length === 0) session.unwellSince = undefined;
  else session.unwellSince ??= world.clock.steady();
  const from = (session.unwellSince ?? 0) + grace;
  const isEarly = from > world.clock.steady();
  if (rolling.length > 0 && isEarly) lookAgainAt(session, from);
  const changed = session.changed ?? world.clock.now();
  session.changed = changed;
  // Those that have stood still for longest come first: they are the ones that may have failed.
  const cameOn = ({ key }: Entry): number => session.progress?.get(key)?.at ?? 0;
  const slowest = rolling.length > mostFollowed ? rolling.toSorted((a, b) => cameOn(a) - cameOn(b)) : rolling;
  const followed = isEarly ? [] : slowest.slice(0, mostFollowed);
  world.rollouts.follow(
    delivery.uid,
    targetOf(delivery),
    followed.map(({ key, ref, manifest, applied }) => ({ key, ref, manifest, uid: applied?.uid ?? '', changed })),
  );
}

/** Whether an object is a workload: what rolls out pods, and goes on running. */
export function isWorkload({ manifest, hook }: Entry): boolean {
  return hook === undefined && (rollsOut(manifest) || manifest.kind === 'Pod');
}
