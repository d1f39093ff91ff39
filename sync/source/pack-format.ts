import { inflateSync } from 'node:zlib';

/** A Git object as it is stored. */
export interface GitObject {
  readonly type: 'commit' | 'tree' | 'blob' | 'tag';
  readonly data: Buffer;
}

/** What a pack says of one object, before its content. */
export interface EntryHeader {
  readonly kind: GitObject['type'] | 'offset-delta' | 'reference-delta';
  /** How large the content is, or the delta. */
  readonly size: number;
  /** Where the base of a delta stands in the same pack. */
  readonly baseOffset: number | undefined;
  /** The id of the base. */
  readonly baseOid: string | undefined;
  /** Where the content begins, from the start of what was read. */
  readonly next: number;
}

/** Larger objects are no manifests, and a delta may claim any size. */
export const maxObjectBytes = 64 * 1024 * 1024;

const kinds = {
  1: 'commit',
  2: 'tree',
  3: 'blob',
  4: 'tag',
  6: 'offset-delta',
  7: 'reference-delta',
} as const;

/**
 * Reads the header of an entry (gitformat-pack).
 * @param at where it stands in `data`
 * @param offset where it stands in the pack
 * @throws Error when it is broken or too large
 */
export function readEntryHeader(data: Buffer, at: number, offset: number): EntryHeader {
  let next = at;
  let byte = byteAt(data, next++);
  const kind = kinds[((byte >> 4) & 7) as keyof typeof kinds];
  if (kind === undefined) throw new Error('the pack holds an object of an unknown type');
  let size = byte & 15;
  for (let factor = 16; byte & 0x80; factor *= 128) {
    byte = byteAt(data, next++);
    size += (byte & 0x7f) * factor;
    if (size > maxObjectBytes) throw new Error(`an object is larger than ${maxObjectBytes} bytes`);
  }
  if (kind === 'offset-delta') {
    const distance = readDistance(data, next);
    const baseOffset = offset - distance.value;
    if (distance.value === 0 || baseOffset < 12) throw new Error('a delta of the pack has no base');
    return { kind, size, baseOffset, baseOid: undefined, next: distance.next };
  }
  if (kind !== 'reference-delta') return { kind, size, baseOffset: undefined, baseOid: undefined, next };
  byteAt(data, next + 19);
  return { kind, size, baseOffset: undefined, baseOid: data.toString('hex', next, next + 20), next: next + 20 };
}

function byteAt(data: Buffer, at: number): number {
  const byte = data[at];
  if (byte === undefined) throw new Error('the pack ends too early');
  return byte;
}

function readDistance(data: Buffer, at: number): { value: number; next: number } {
  let next = at;
  let byte = byteAt(data, next++);
  let value = byte & 0x7f;
  while (byte & 0x80) {
    byte = byteAt(data, next++);
    value = (value + 1) * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(value)) throw new Error('a delta of the pack has no base');
  }
  return { value, next };
}

/**
 * The content of an entry, and how many bytes of the pack it took.
 * @throws Error when it is not of the size that its header says
 */
export function inflateEntry(data: Buffer, at: number, size: number): { content: Buffer; taken: number } {
  const { buffer, engine } = inflated(data.subarray(at), size);
  if (buffer.length !== size) throw new Error('an object of the pack has another size than it says');
  return { content: buffer, taken: engine.bytesWritten };
}

function inflated(data: Buffer, size: number): { buffer: Buffer; engine: { bytesWritten: number } } {
  const options = { info: true, maxOutputLength: Math.max(size, 1), chunkSize: Math.max(64, size + 1) };
  try {
    return inflateSync(data, options) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
  } catch (error) {
    const isLonger = error instanceof RangeError;
    const what = isLonger ? 'is larger than it says' : 'can not be unfolded';
    throw new Error(`an object of the pack ${what}`, { cause: error });
  }
}

/**
 * What a delta makes of its base: copies from it, and insertions.
 * @throws Error when it does not fit
 */
export function applyDelta(base: Buffer, delta: Buffer): Buffer {
  const baseSize = readSize(delta, 0);
  const resultSize = readSize(delta, baseSize.next);
  if (baseSize.value !== base.length) throw new Error('a delta does not fit its base');
  if (resultSize.value > maxObjectBytes) throw new Error(`an object is larger than ${maxObjectBytes} bytes`);
  const result = Buffer.allocUnsafe(resultSize.value);
  let written = 0;
  let at = resultSize.next;
  while (at < delta.length) {
    const op = byteAt(delta, at++);
    const from = op & 0x80 ? readCopy(delta, at, op) : { offset: at, size: op, next: at };
    const source = op & 0x80 ? base : delta;
    if (from.size === 0 || from.offset + from.size > source.length || written + from.size > result.length)
      throw new Error('a delta does not fit its base');
    source.copy(result, written, from.offset, from.offset + from.size);
    written += from.size;
    at = op & 0x80 ? from.next : at + op;
  }
  if (written !== result.length) throw new Error('a delta has the wrong length');
  return result;
}

/** How large that is which a delta makes, as it says. @throws Error */
export function sizeOfResult(delta: Buffer): number {
  return readSize(delta, readSize(delta, 0).next).value;
}

function readSize(delta: Buffer, at: number): { value: number; next: number } {
  let [value, factor, next] = [0, 1, at];
  for (;;) {
    const byte = byteAt(delta, next++);
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if ((byte & 0x80) === 0) return { value, next };
    if (value > Number.MAX_SAFE_INTEGER) throw new Error('a delta has the wrong length');
  }
}

function readCopy(delta: Buffer, at: number, op: number): { offset: number; size: number; next: number } {
  let next = at;
  const read = (bits: number, count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i += 1) if (bits & (1 << i)) value += byteAt(delta, next++) * 256 ** i;
    return value;
  };
  const offset = read(op & 0x0f, 4);
  const size = read((op >> 4) & 0x07, 3);
  return { offset, size: size === 0 ? 0x10000 : size, next };
}
