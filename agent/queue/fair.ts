import type { Hint, Work } from './queue.ts';

/** Milliseconds after which somebody comes back who found no room. */
const again = 100;

/**
 * Lets no more than some of the turns that may have to wait, such as those in clusters far away, be under way at once:
 * however long they are kept, workers are left for all others.
 * @param mayWait whether the turns of a key are such
 */
export function fairly(work: Work, mayWait: (key: string) => boolean, most: number): Work {
  const hintsOf = new Map<string, ReadonlySet<Hint>>();
  let running = 0;
  return async (key, hints) => {
    if (!mayWait(key)) return work(key, hints);
    const all = new Set([...(hintsOf.get(key) ?? []), ...hints]);
    if (running >= most) {
      hintsOf.set(key, all);
      return again;
    }
    hintsOf.delete(key);
    running += 1;
    try {
      return await work(key, all);
    } finally {
      running -= 1;
    }
  };
}
