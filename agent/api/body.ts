import { Problem } from './problems.ts';

/** How many bytes bodies may take. */
export interface BodyLimits {
  readonly each: number;
  /** All large ones that are being read at once; and those of one address. */
  readonly together: number;
  readonly ofOne: number;
  /** One up to this size is small: most pushes are. */
  readonly small: number;
  /** What is kept free for small ones beyond the others. */
  readonly reserve: number;
}

const mebibyte = 1024 * 1024;
export const hookLimits: BodyLimits = {
  each: 3 * mebibyte,
  together: 32 * mebibyte,
  ofOne: 6 * mebibyte,
  small: mebibyte / 4,
  reserve: 16 * mebibyte,
};

/**
 * Reads raw bodies. What claims or turns out to be too long is cut off at once. All that are under way share a budget, so
 * that many senders together can't take more memory than that; one who sends much can't keep small bodies of others out.
 */
export function createBodyReader(
  limits: BodyLimits,
): (stream: AsyncIterable<Uint8Array>, claimed: string | undefined, address: string) => Promise<Uint8Array> {
  let held = 0;
  const byAddress = new Map<string, number>();

  function hold(address: string, bytes: number): void {
    held += bytes;
    const own = (byAddress.get(address) ?? 0) + bytes;
    if (own > 0) byAddress.set(address, own);
    else byAddress.delete(address);
  }

  function isTooMuch(address: string, length: number): boolean {
    if (length <= limits.small) return held > limits.together + limits.reserve;
    return held > limits.together || (byAddress.get(address) ?? 0) > limits.ofOne;
  }

  return async (stream, claimed, address) => {
    if (Number(claimed ?? 0) > limits.each) throw tooLarge(limits);
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const chunk of stream) {
        length += chunk.length;
        hold(address, chunk.length);
        if (length > limits.each) throw tooLarge(limits);
        if (isTooMuch(address, length)) throw new Problem('Busy', 'too many bodies are being read');
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } finally {
      hold(address, -length);
    }
  };
}

function tooLarge({ each }: BodyLimits): Problem {
  return new Problem('TooLarge', `the body is longer than ${each} bytes`);
}
