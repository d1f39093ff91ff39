import { delayAfter } from '../sync/back-off.ts';

/** Runs work by key: at most one run per key at a time, and a key that is added while it runs runs once more after. */
export interface Queue {
  /** Runs the key as soon as a worker is free. */
  add(key: string): void;
  /** Runs the key after a delay in milliseconds, unless it runs earlier anyway. */
  addAfter(key: string, delay: number): void;
  /** Starts nothing new and waits for what runs. */
  close(): Promise<void>;
}

/** Does the work of one key, and answers after how many milliseconds it wants to be run again, or undefined. */
export type Work = (key: string) => Promise<number | undefined>;

/** Milliseconds and counts. */
export interface QueueLimits {
  readonly workers: number;
  readonly firstRetry: number;
  readonly longestRetry: number;
}

export const queueDefaults: QueueLimits = { workers: 8, firstRetry: 500, longestRetry: 60_000 };

/** A queue in memory. Work that throws is run again with growing delays, each key on its own. */
export function createQueue(
  work: Work,
  onError: (key: string, error: unknown) => void,
  limits: QueueLimits = queueDefaults,
): Queue {
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const timers = new Map<string, { at: number; timer: NodeJS.Timeout }>();
  const failures = new Map<string, number>();
  let closed = false;

  function pump(): void {
    for (const key of waiting) {
      if (closed || running.size >= limits.workers) return;
      if (running.has(key)) continue;
      waiting.delete(key);
      clear(key);
      running.set(key, run(key));
    }
  }

  async function run(key: string): Promise<void> {
    try {
      const again = await work(key);
      failures.delete(key);
      if (again !== undefined) schedule(key, again);
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      onError(key, error);
      schedule(key, delayAfter(count, { first: limits.firstRetry, longest: limits.longestRetry }));
    } finally {
      running.delete(key);
      pump();
    }
  }

  function clear(key: string): void {
    clearTimeout(timers.get(key)?.timer);
    timers.delete(key);
  }

  function add(key: string): void {
    if (closed) return;
    waiting.add(key);
    pump();
  }

  function schedule(key: string, delay: number): void {
    if (closed) return;
    const at = performance.now() + delay;
    const earlier = timers.get(key);
    if (earlier !== undefined && earlier.at <= at) return;
    clear(key);
    timers.set(key, { at, timer: setTimeout(() => add(key), Math.min(delay, 2 ** 31 - 1)) });
  }

  return {
    add,
    addAfter: schedule,
    close: async () => {
      closed = true;
      for (const key of [...timers.keys()]) clear(key);
      await Promise.all(running.values());
    },
  };
}
