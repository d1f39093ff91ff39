/** When keys are added next. */
export interface Schedule {
  /** Adds the key after some milliseconds, unless it is to be added earlier anyway. */
  after(key: string, delay: number): void;
  /** Forgets what was planned for a key. */
  clear(key: string): void;
  close(): void;
}

/** The longest delay that a timer knows. */
const longest = 2 ** 31 - 1;

export function createSchedule(add: (key: string) => void): Schedule {
  const timers = new Map<string, { at: number; timer: NodeJS.Timeout }>();
  let closed = false;

  function clear(key: string): void {
    clearTimeout(timers.get(key)?.timer);
    timers.delete(key);
  }

  return {
    after: (key, delay) => {
      const at = performance.now() + delay;
      const earlier = timers.get(key);
      if (closed || (earlier !== undefined && earlier.at <= at)) return;
      clear(key);
      timers.set(key, { at, timer: setTimeout(() => add(key), Math.min(delay, longest)) });
    },
    clear,
    close: () => {
      closed = true;
      for (const key of [...timers.keys()]) clear(key);
    },
  };
}
