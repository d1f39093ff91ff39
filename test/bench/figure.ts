/** One figure, as it is printed. */
export interface Figure {
  readonly name: string;
  /** What the goal is about: the median of latencies. */
  readonly value: number;
  readonly unit: string;
  /** What it should be at most, in words. */
  readonly goal: string;
  readonly n: number;
  readonly min: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
  /** What the same work costs a bare loop, in the same unit. */
  readonly floor?: number;
  /** The value as a multiple of the floor. */
  readonly ratio?: number;
}

/** A figure of some values. */
export function figureOf(name: string, unit: string, goal: string, values: readonly number[], floor?: number): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  const median = at(0.5);
  return {
    name,
    value: rounded(median),
    unit,
    goal,
    n: sorted.length,
    min: rounded(at(0)),
    median: rounded(median),
    p99: rounded(at(0.99)),
    max: rounded(at(1)),
    ...(floor === undefined ? {} : { floor: rounded(floor), ratio: rounded(median / floor) }),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Prints a figure as one line. */
export function print(figure: Figure): void {
  process.stdout.write(`${JSON.stringify(figure)}\n`);
}

/** Tells people what goes on. */
export function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
