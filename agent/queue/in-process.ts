import { type Hint, type Queue, type QueueLimits, queueDefaults, type Work } from './queue.ts';
import { createRun } from './run.ts';
import { createSchedule } from './schedule.ts';

/** A queue in memory. Work that throws is run again with growing delays, each key on its own. */
export function createInProcessQueue(
  work: Work,
  onError: (key: string, error: unknown) => void,
  limits: QueueLimits = queueDefaults,
): Queue {
  const waiting = new Map<string, Set<Hint>>();
  const running = new Map<string, Promise<void>>();
  const schedule = createSchedule(add);
  const run = createRun(work, onError, limits, schedule);
  let closed = false;

  function pump(): void {
    for (const [key, hints] of waiting) {
      if (closed || running.size >= limits.workers) return;
      if (running.has(key)) continue;
      waiting.delete(key);
      const ended = run(key, hints).finally(() => {
        running.delete(key);
        pump();
      });
      running.set(key, ended);
    }
  }

  function add(key: string, hint?: Hint): void {
    if (closed) return;
    const hints = waiting.get(key) ?? new Set();
    if (hint !== undefined) hints.add(hint);
    waiting.set(key, hints);
    pump();
  }

  return {
    add,
    addAfter: schedule.after,
    close: async () => {
      closed = true;
      schedule.close();
      await Promise.all(running.values());
    },
  };
}
