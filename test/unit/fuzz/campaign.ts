import fc from 'fast-check';

/**
 * A campaign tries one reader with inputs that are broken in every way. In `npm test` it is short; with `LOCKSTEP_FUZZ_SECONDS=600` it
 * goes on for so long, and says how many inputs it tried.
 */
const seconds = Number(process.env['LOCKSTEP_FUZZ_SECONDS'] ?? 0);

/** What a test that runs a campaign may take, in milliseconds. */
export const campaignTimeout = seconds > 0 ? (seconds + 60) * 1_000 : 60_000;

/**
 * Checks that something holds for all inputs.
 * @param runs how many of them the short form tries
 */
export async function campaign<T>(
  name: string,
  inputs: fc.Arbitrary<T>,
  runs: number,
  holds: (input: T) => void | Promise<void>,
): Promise<void> {
  let tried = 0;
  const property = fc.asyncProperty(inputs, async (input) => {
    tried += 1;
    await holds(input);
  });
  const long = { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: seconds * 1_000, endOnFailure: true };
  await fc.assert(property, seconds > 0 ? long : { numRuns: runs });
  if (seconds > 0) process.stderr.write(`fuzz: ${name}: ${tried} inputs in ${seconds} s\n`);
}

/** Something is done in time, or fails in time. */
export function inTime<T>(milliseconds: number, work: () => T): T {
  const began = performance.now();
  const late = (): void => {
    const took = performance.now() - began;
    if (took > milliseconds) throw new Error(`took ${Math.round(took)} ms`);
  };
  try {
    const made = work();
    late();
    return made;
  } catch (error) {
    late();
    throw error;
  }
}

interface Change {
  readonly kind: 'set' | 'insert' | 'delete' | 'copy' | 'word' | 'splice';
  /** Where, and from where, as parts of the whole. */
  readonly at: number;
  readonly from: number;
  readonly length: number;
  readonly byte: number;
  readonly word: string;
  readonly other: Buffer;
}

/** Inputs that are known to mean something, each broken in a few places. @param words what the reader listens to */
export function broken(corpus: readonly Buffer[], words: readonly string[], most = 6): fc.Arbitrary<Buffer> {
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  const change: fc.Arbitrary<Change> = fc.record({
    kind: fc.constantFrom<Change['kind']>('set', 'insert', 'delete', 'copy', 'word', 'splice'),
    at: part,
    from: part,
    length: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 200 })),
    byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 0x0a, 0x20, 0x22, 0x3a, 0x5c, 0x7f, 0xff)),
    word: fc.constantFrom(...words),
    other: fc.constantFrom(...corpus),
  });
  return fc
    .tuple(fc.constantFrom(...corpus), fc.array(change, { maxLength: most }))
    .map(([start, changes]) => changes.reduce(changed, start));
}

function changed(bytes: Buffer, { kind, at, from, length, byte, word, other }: Change): Buffer {
  const here = Math.floor(at * bytes.length);
  const [before, after] = [bytes.subarray(0, here), bytes.subarray(here)];
  const sliceOf = (of: Buffer): Buffer => of.subarray(Math.floor(from * of.length)).subarray(0, length);
  const put: Record<Change['kind'], () => Buffer[]> = {
    set: () => [before, Buffer.of(byte), after.subarray(1)],
    insert: () => [before, Buffer.of(byte), after],
    delete: () => [before, after.subarray(length)],
    copy: () => [before, sliceOf(bytes), after],
    word: () => [before, Buffer.from(word), after],
    splice: () => [before, sliceOf(other), after],
  };
  return Buffer.concat(put[kind]());
}

/** Nothing that all objects have was touched. */
export function requireUntouched(): void {
  const own = Object.getOwnPropertyNames(Object.prototype);
  if (own.length !== untouched || Object.keys(Object.prototype).length > 0) throw new Error('all objects were changed');
}
const untouched = Object.getOwnPropertyNames(Object.prototype).length;
