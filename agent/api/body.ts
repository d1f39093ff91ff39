import { Problem } from './problems.ts';

/** How many bytes bodies may take: one of them, and all that are being read at once. */
export interface BodyLimits {
  readonly each: number;
  readonly together: number;
}

export const hookLimits: BodyLimits = { each: 3 * 1024 * 1024, together: 48 * 1024 * 1024 };

/**
 * Reads raw bodies. What claims or turns out to be too long is cut off at once, and all that are under way share a
 * budget, so that many senders together can't take more memory than that.
 */
export function createBodyReader(
  limits: BodyLimits,
): (stream: AsyncIterable<Uint8Array>, claimed: string | undefined) => Promise<Uint8Array> {
  let held = 0;
  return async (stream, claimed) => {
    if (Number(claimed ?? 0) > limits.each) throw tooLarge(limits);
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const chunk of stream) {
        length += chunk.length;
        held += chunk.length;
        if (length > limits.each) throw tooLarge(limits);
        if (held > limits.together) throw new Problem('Busy', 'too many bodies are being read');
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } finally {
      held -= length;
    }
  };
}

function tooLarge({ each }: BodyLimits): Problem {
  return new Problem('TooLarge', `the body is longer than ${each} bytes`);
}
