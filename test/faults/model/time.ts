import { vi } from 'vitest';

/** Time that goes on only when everything waits: what happens is a matter of the seed alone. */
export interface Time {
  /** Milliseconds since the beginning. */
  now(): number;
  /** Does something later. */
  after(milliseconds: number, act: () => void): void;
  /** Resolves later. */
  sleep(milliseconds: number): Promise<void>;
  /** Lets time go by until a moment, or until a condition holds; answers whether it does. */
  runUntil(end: number, isDone?: () => boolean): Promise<boolean>;
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** Rounds of the event loop after which all that can go on without time has gone on. */
const rounds = 3;

/** The timers of the modules under test belong to it too: `vi.useFakeTimers` must be on for `setTimeout`. */
export function createTime(): Time {
  const queue: Due[] = [];
  let now = 0;
  let order = 0;

  function after(milliseconds: number, act: () => void): void {
    order += 1;
    const due = { at: now + Math.max(0, milliseconds), order, act };
    const index = queue.findIndex((other) => other.at > due.at);
    queue.splice(index < 0 ? queue.length : index, 0, due);
  }

  async function settle(): Promise<void> {
    for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  function goTo(moment: number): void {
    if (moment <= now) return;
    const passed = moment - now;
    now = moment;
    vi.advanceTimersByTime(passed);
  }

  return {
    now: () => now,
    after,
    sleep: (milliseconds) => new Promise((resolve) => after(milliseconds, resolve)),
    runUntil: async (end, isDone = () => false) => {
      await settle();
      for (;;) {
        if (isDone()) return true;
        const next = queue[0];
        if (next === undefined || next.at > end) break;
        queue.shift();
        goTo(next.at);
        next.act();
        await settle();
      }
      goTo(end);
      await settle();
      return isDone();
    },
  };
}
