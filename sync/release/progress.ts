import { passesGate } from '../../health/scale.ts';
import type { Progress, Turn } from '../session.ts';
import { type Entry, isPending } from './record.ts';

/**
 * The deadline of a wait starts again whenever an object comes on: it was applied, more of its pods are new or available
 * than ever since the wait began, or it is well. What goes back and forth is no progress.
 */
export function noteProgress(turn: Turn): void {
  const { session, world } = turn;
  const { clocks } = session.record;
  if (clocks.deadline === 0 || clocks.frozen !== undefined || session.waiting.length === 0) return;
  const now = world.clock.steady();
  const progress = session.progress ?? new Map<string, Progress>();
  session.progress = progress;
  let [count, cameOn] = [0, false];
  for (const entry of session.record.entries.values()) {
    if (!isWaitedFor(entry)) continue;
    count += 1;
    const known = progress.get(entry.key);
    const reached = farnessOf(turn, entry);
    if (known !== undefined && known.best >= reached) continue;
    progress.set(entry.key, { best: reached, at: now });
    cameOn ||= known !== undefined;
  }
  if (progress.size > count) forgetOthers(progress, session.record.entries);
  // What is seen first, after a restart too, is no progress.
  if (!cameOn) return;
  moveDeadline(turn);
}

function isWaitedFor(entry: Entry): boolean {
  return entry.touched === true || isPending(entry);
}

/** What is not waited for any more. */
function forgetOthers(progress: Map<string, Progress>, entries: ReadonlyMap<string, Entry>): void {
  for (const key of progress.keys()) {
    const entry = entries.get(key);
    if (entry === undefined || !isWaitedFor(entry)) progress.delete(key);
  }
}

/** No time runs out, neither that without progress nor the whole of it: what is waited for is not the release's to bring. */
export function holdDeadlines(turn: Turn, by: number = turn.delivery.deadline): void {
  moveDeadline(turn, by);
  const { session } = turn;
  const { clocks } = session.record;
  session.record = { ...session.record, clocks: { ...clocks, cap: Math.max(clocks.cap, clocks.deadline) } };
}

/** The deadline of what is waited for starts again. A small shift is not worth a write of the record. */
function moveDeadline({ delivery, session, world }: Turn, by: number = delivery.deadline): void {
  const deadline = Math.max(session.record.clocks.deadline, world.clock.steady() + by);
  session.record = { ...session.record, clocks: { ...session.record.clocks, deadline } };
  if (deadline - session.storedDeadline > delivery.deadline / 10) session.unsaved = true;
}

/** A number that grows as an object comes on. */
function farnessOf({ delivery, world }: Turn, entry: Entry): number {
  const live = world.watcher.live(delivery.uid, entry.key);
  const isWell = live !== undefined && passesGate(live.health);
  return (isPending(entry) ? 0 : 1) + (live?.progress ?? 0) + (isWell ? 1 : 0);
}
