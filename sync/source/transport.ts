import type { HttpClient } from 'isomorphic-git';
import { LockstepError } from '../errors.ts';

/** What one conversation with a Git server may cost. Milliseconds and bytes. */
export interface TransportLimits {
  readonly deadline: number;
  readonly maxBytes: number;
  readonly maxRedirects: number;
}

export const transportDefaults: TransportLimits = { deadline: 60_000, maxBytes: 100 * 1024 * 1024, maxRedirects: 3 };

/** A way to a Git server, as isomorphic-git wants it, and what went wrong on it. */
export interface Transport extends HttpClient {
  /** @throws LockstepError when an answer broke off: isomorphic-git takes that for the end of the answer */
  check(): void;
}

/** One conversation: with whom, for how long, and where what went wrong is noted. */
export interface Conversation {
  /** How the server is called. */
  readonly host: string;
  readonly limits: TransportLimits;
  readonly signal: AbortSignal;
  readonly fail: (error: LockstepError) => never;
}

/** What an answer holds, as long as it keeps to the limits. */
export async function* capped(
  { host, limits, signal, fail }: Conversation,
  body: AsyncIterable<Uint8Array>,
): AsyncIterableIterator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > limits.maxBytes)
        throw new LockstepError('SourceTooLarge', `the server ${host} sent more than ${limits.maxBytes} bytes`);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof LockstepError) fail(error);
    const why = signal.aborted ? 'did not end its answer within the deadline' : 'broke off its answer';
    fail(new LockstepError('SourceUnreachable', `the server ${host} ${why}`, { cause: error }));
  }
}

/** Some bytes as isomorphic-git passes them on. */
export async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncIterableIterator<Uint8Array> {
  yield* chunks;
}

/** The whole of what is to be sent. */
export async function collect(parts: AsyncIterable<Uint8Array> | Uint8Array[]): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}
