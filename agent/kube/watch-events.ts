import { type Json, numberAt, textAt } from '../../diff/json.ts';
import { ApiError } from '../../sync/errors.ts';

/** What an API server says in a watch when it can't go on. */
export function watchError(status: Json | undefined): ApiError {
  const code = numberAt(status, 'code') ?? 500;
  const details = { status: code, reason: textAt(status, 'reason') ?? '' };
  return new ApiError(textAt(status, 'message') ?? 'the watch failed', {
    ...details,
    class: code === 410 ? 'expired' : 'transient',
  });
}

/** The whole lines of a stream. When the connection breaks they end: nothing is lost, the next watch goes on from there. */
export async function* lines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of stream) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) if (part !== '') yield part;
    }
  } catch {
    return;
  }
}
