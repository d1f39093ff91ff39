/** Whether the agent works, and whether it has begun. */
export interface Probes {
  /** The event loop turns, and every watch over Deliveries has given a sign of life of late. */
  isHealthy(): boolean;
  /** This agent leads, and all Deliveries were told. */
  isReady(): boolean;
  /** A watch was tried, or said something. */
  sign(watch: string): void;
  /** All Deliveries of a watch were told. */
  seen(watch: string): void;
  close(): void;
}

/** Milliseconds: between two looks at the event loop, and how late one may be. */
const [beat, latest] = [1_000, 10_000];
/** The API server ends a watch after eight minutes, and ours are opened again at once: longer silence is a bug. */
const longestSilence = 900_000;

/**
 * @param watches the names of the watches over Deliveries
 * @param now milliseconds that nobody sets back
 */
export function createProbes(watches: readonly string[], now: () => number): Probes {
  const unseen = new Set(watches);
  const signs = new Map<string, number>();
  let lastBeat = now();
  const timer = setInterval(() => {
    lastBeat = now();
  }, beat);
  timer.unref();
  return {
    isHealthy: () => now() - lastBeat < beat + latest && [...signs.values()].every((at) => now() - at < longestSilence),
    isReady: () => unseen.size === 0,
    sign: (watch) => signs.set(watch, now()),
    seen: (watch) => unseen.delete(watch),
    close: () => clearInterval(timer),
  };
}
