/** Numbers that are the same for the same seed. */
export interface Random {
  /** From 0 to 1. */
  next(): number;
  /** A whole number below a bound. */
  upTo(bound: number): number;
  /** A whole number between two. */
  between(least: number, most: number): number;
  one<T>(items: readonly [T, ...T[]]): T;
  /** Whether something happens that happens in so many of a hundred cases. */
  percent(chance: number): boolean;
}

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const upTo = (bound: number): number => Math.floor(next() * bound);
  return {
    next,
    upTo,
    between: (least, most) => least + upTo(most - least + 1),
    one: (items) => items[upTo(items.length)] ?? items[0],
    percent: (chance) => next() * 100 < chance,
  };
}
