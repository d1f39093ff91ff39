import { delayAfter } from '../../sync/back-off.ts';
import type { Hint, QueueLimits, Work } from './queue.ts';
import type { Schedule } from './schedule.ts';

/** Runs a key once, and plans the next run: when the work asks for it, or with growing delays when it failed. */
export function createRun(
  work: Work,
  onError: (key: string, error: unknown) => void,
  { firstRetry, longestRetry }: QueueLimits,
  schedule: Schedule,
): (key: string, hints: ReadonlySet<Hint>) => Promise<void> {
  const failures = new Map<string, number>();
  return async (key, hints) => {
    schedule.clear(key);
    try {
      const again = await work(key, hints);
      failures.delete(key);
      if (again !== undefined) schedule.after(key, again);
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      onError(key, error);
      schedule.after(key, delayAfter(count, { first: firstRetry, longest: longestRetry }));
    }
  };
}
