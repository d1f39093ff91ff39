import type { Hint, Work } from './queue.ts';

/** Milliseconds after which somebody comes back who found no room. */
const again = 100;

/** How many turns that may have to wait may be under way at once. */
export interface Room {
  readonly inAll: number;
  readonly ofOne: number;
}

/**
 * Lets only so many of the turns be under way at once that may have to wait, such as those in clusters far away, and not all
 * of one owner: however long they are kept, workers are left for all others.
 * @param ownerOf whose the turns of a key are that may have to wait; undefined for all others
 */
export function fairly(work: Work, ownerOf: (key: string) => string | undefined, room: Room): Work {
  const hintsOf = new Map<string, ReadonlySet<Hint>>();
  const running: string[] = [];
  return async (key, hints) => {
    const owner = ownerOf(key);
    const all = new Set([...(hintsOf.get(key) ?? []), ...hints]);
    const isFull = running.length >= room.inAll || running.filter((one) => one === owner).length >= room.ofOne;
    if (owner !== undefined && isFull) {
      hintsOf.set(key, all);
      return again;
    }
    hintsOf.delete(key);
    if (owner === undefined) return work(key, all);
    running.push(owner);
    try {
      return await work(key, all);
    } finally {
      running.splice(running.indexOf(owner), 1);
    }
  };
}
