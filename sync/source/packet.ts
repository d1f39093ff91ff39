/** What Git's wire protocol is made of (gitprotocol-common: pkt-line). */
export type Packet =
  | { readonly type: 'data'; readonly data: Buffer }
  | { readonly type: 'flush' | 'delimiter' | 'end' };

const longest = 65_520;
export const flushPacket = '0000';
export const delimiterPacket = '0001';
const codes = { flush: flushPacket, delimiter: delimiterPacket, end: '0002' } as const;

/** A line as it is sent, with its length before it. */
export function packet(text: string): string {
  return `${headOf(Buffer.byteLength(text))}${text}`;
}

/** A packet as it is sent. */
export function bytesOf(one: Packet): Buffer {
  return one.type === 'data'
    ? Buffer.concat([Buffer.from(headOf(one.data.length)), one.data])
    : Buffer.from(codes[one.type]);
}

function headOf(bytes: number): string {
  return (bytes + 4).toString(16).padStart(4, '0');
}

/**
 * Cuts what is received into packets. Nothing more than what came at once is ever kept.
 * @throws Error when it is no row of packets, or ends in the middle of one
 */
export async function* readPackets(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Packet, void, void> {
  for await (const group of readPacketGroups(chunks)) yield* group;
}

/** The same, as many at once as there are: of small ones there may be millions. */
export async function* readPacketGroups(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Packet[], void, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? asBuffer(chunk) : Buffer.concat([rest, chunk]);
    const group: Packet[] = [];
    let at = 0;
    while (rest.length - at >= 4) {
      const length = lengthAt(rest, at);
      if (rest.length - at < Math.max(4, length)) break;
      group.push(packetOf(rest, at, length));
      at += Math.max(4, length);
    }
    if (group.length > 0) yield group;
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw new Error('the answer ends in the middle of a packet');
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function lengthAt(data: Buffer, at: number): number {
  let length = 0;
  for (let place = at; place < at + 4; place += 1) length = length * 16 + hexDigit(data[place]);
  if (Number.isNaN(length) || length === 3 || length > longest) throw new Error('the answer is not in packets');
  return length;
}

/** NaN where it is none. */
function hexDigit(code = 0): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
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
