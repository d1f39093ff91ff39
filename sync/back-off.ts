/** How long to wait between tries, in milliseconds. */
export interface BackOff {
  readonly first: number;
  readonly longest: number;
}

/** The wait after a number of failed tries: it doubles each time, up to the longest. */
export function delayAfter(tries: number, { first, longest }: BackOff): number {
  return Math.min(longest, first * 2 ** (tries - 1));
}
