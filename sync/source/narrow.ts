import { LockstepError } from '../errors.ts';
import { bytesOf, readPacketGroups } from './packet.ts';
import type { Transport } from './transport.ts';

/** Nobody looks through more. */
const mostReferences = 100_000;

/**
 * A transport that lets only those references through whose names begin with a prefix. Servers are asked for just these,
 * and older ones, or those that mean harm, send all the same whatever they have.
 */
export function narrowed(http: Transport, prefix: string): Transport {
  let trouble: unknown;
  async function* fitting(body: AsyncIterable<Uint8Array>, method: string): AsyncIterableIterator<Uint8Array> {
    try {
      yield* fittingPackets(body, Buffer.from(prefix));
    } catch (error) {
      // Whoever names a page of a Git host, or a server of plain files, gets an answer all the same.
      const isNoGit = method === 'GET' && !(error instanceof LockstepError);
      trouble ??= isNoGit ? new Error('the server does not speak the protocol of Git', { cause: error }) : error;
      throw trouble;
    }
  }
  return {
    check: () => {
      http.check();
      if (trouble !== undefined) throw trouble;
    },
    request: async (request) => {
      const response = await http.request(request);
      if (response.statusCode !== 200 || response.body === undefined) return response;
      return { ...response, body: fitting(response.body, request.method ?? 'GET') };
    },
  };
}

async function* fittingPackets(body: AsyncIterable<Uint8Array>, prefix: Buffer): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const group of readPacketGroups(body)) {
    const kept = group.filter((packet) => packet.type !== 'data' || fits(packet.data, prefix));
    count += kept.filter((packet) => packet.type !== 'data' || !isPeeled(packet.data)).length;
    if (count > mostReferences)
      throw new LockstepError(
        'SourceTooLarge',
        `there are more than ${mostReferences} references in ${prefix}, and no more are looked through`,
      );
    if (kept.length > 0) yield Buffer.concat(kept.map(bytesOf));
  }
}

/** Whether a line is a reference that was asked for, or none at all: such as the first one, which says what an older server can do. */
function fits(line: Buffer, prefix: Buffer): boolean {
  const isReference = line[40] === 0x20 && !line.includes(0);
  return !isReference || startsWith(line.subarray(41), prefix);
}

/** Older servers tell the commit of a tag by a second line. */
function isPeeled(line: Buffer): boolean {
  return line.subarray(-4).includes('^{}');
}

function startsWith(text: Buffer, prefix: Buffer): boolean {
  return text.subarray(0, prefix.length).equals(prefix);
}
