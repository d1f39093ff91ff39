/** Runs work by key: at most one run per key at a time, and a key that is added while it runs runs once more after. */
export interface Queue {
  /** Runs the key as soon as a worker is free. Hints given until it runs are handed to that run, each once. */
  add(key: string, hint?: Hint): void;
  /** Runs the key after a delay in milliseconds, unless it runs earlier anyway. */
  addAfter(key: string, delay: number): void;
  /** Starts nothing new and waits for what runs. */
  close(): Promise<void>;
}

/** What somebody who adds a key may know: its source has news. It is never more than a reason to look. */
export const hints = ['source'] as const;
export type Hint = (typeof hints)[number];

/** Does the work of one key, and answers after how many milliseconds it wants to be run again, or undefined. */
export type Work = (key: string, hints: ReadonlySet<Hint>) => Promise<number | undefined>;

/** Milliseconds and counts. */
export interface QueueLimits {
  readonly workers: number;
  readonly firstRetry: number;
  readonly longestRetry: number;
}

export const queueDefaults: QueueLimits = { workers: 8, firstRetry: 500, longestRetry: 60_000 };
