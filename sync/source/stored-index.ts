import type { PackIndex } from './index-pack.ts';

/** An index as one process hands it to another: the number of objects, then ids, offsets and ends. */
export function storeIndex({ ids, offsets, ends }: PackIndex): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(offsets.length);
  return Buffer.concat([head, bytesOf(offsets), bytesOf(ends), ids]);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** @throws Error when it is none */
export function readStoredIndex(stored: Buffer): PackIndex {
  const count = stored.readUInt32LE(0);
  const idsFrom = 8 + count * 8 + (count + 1) * 8;
  if (stored.length !== idsFrom + count * 20) throw new Error('the index of a pack is broken');
  return {
    offsets: numbersIn(stored, 8, count),
    ends: numbersIn(stored, 8 + count * 8, count + 1),
    ids: Buffer.from(stored.subarray(idsFrom)),
  };
}

function numbersIn(stored: Buffer, from: number, count: number): Float64Array {
  return new Float64Array(Uint8Array.from(stored.subarray(from, from + count * 8)).buffer);
}
