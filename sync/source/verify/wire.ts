/** Reads what SSH writes one after the other (RFC 4251, section 5). */
export interface Wire {
  /** A string: its length, and its bytes. @throws Error */
  bytes(): Buffer;
  text(): string;
  /** A number of four bytes. */
  number(): number;
  byte(): number;
  /** So many bytes as they are. */
  take(count: number): Buffer;
}

export function readerOfWire(data: Buffer): Wire {
  let at = 0;
  const take = (count: number): Buffer => {
    if (at + count > data.length) throw new Error('it ends too early');
    at += count;
    return data.subarray(at - count, at);
  };
  const number = (): number => take(4).readUInt32BE();
  const bytes = (): Buffer => take(number());
  return { take, number, bytes, text: () => bytes().toString('utf8'), byte: () => take(1)[0] ?? 0 };
}

/** A string as SSH writes it. */
export function wireString(data: Buffer | string): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
