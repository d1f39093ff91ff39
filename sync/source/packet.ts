/** What Git's wire protocol is made of (gitprotocol-common: pkt-line). */
export type Packet =
  | { readonly type: 'data'; readonly data: Buffer }
  | { readonly type: 'flush' | 'delimiter' | 'end' };

const longest = 65_520;
export const flushPacket = '0000';
export const delimiterPacket = '0001';

/** A line as it is sent, with its length before it. */
export function packet(text: string): string {
  return `${(Buffer.byteLength(text) + 4).toString(16).padStart(4, '0')}${text}`;
}

/**
 * Cuts what is received into packets. Nothing more than one packet is ever kept.
 * @throws Error when it is no row of packets, or ends in the middle of one
 */
export async function* readPackets(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Packet, void, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? asBuffer(chunk) : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 4) {
      const length = lengthAt(rest, at);
      if (rest.length - at < Math.max(4, length)) break;
      yield packetOf(rest, at, length);
      at += Math.max(4, length);
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw new Error('the answer ends in the middle of a packet');
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function lengthAt(data: Buffer, at: number): number {
  const text = data.toString('latin1', at, at + 4);
  const length = /^[0-9a-fA-F]{4}$/.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  if (Number.isNaN(length) || length === 3 || length > longest) throw new Error('the answer is not in packets');
  return length;
}

const specials = { 0: 'flush', 1: 'delimiter', 2: 'end' } as const;

function packetOf(data: Buffer, at: number, length: number): Packet {
  const special = specials[length as keyof typeof specials];
  return special === undefined ? { type: 'data', data: data.subarray(at + 4, at + length) } : { type: special };
}

/** The text of a line, without what ends it. */
export function lineOf(data: Buffer): string {
  return data.toString('utf8').replace(/\n$/, '');
}
