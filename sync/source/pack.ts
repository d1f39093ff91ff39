import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { LockstepError } from '../errors.ts';
import { endOf, findObject, type PackIndex } from './index-pack.ts';
import {
  applyDelta,
  type EntryHeader,
  type GitObject,
  inflateEntry,
  readEntryHeader,
  sizeOfResult,
} from './pack-format.ts';

/** Reads objects by their id. */
export interface ObjectReader {
  /** @throws Error when the object is not there or broken; TooLargeToRead */
  read(oid: string): GitObject;
  has(oid: string): boolean;
}

/** A pack that is indexed. */
export interface Pack {
  readonly index: PackIndex;
  readonly bytes: number;
  /** Some of its bytes. @throws Error */
  slice(from: number, to: number): Buffer;
  /** It is not read any more; a file of its own goes. */
  close(): void;
}

/** A pack that is small enough to be kept in memory. */
export function packInMemory(data: Buffer, index: PackIndex): Pack {
  return { index, bytes: data.length, slice: (from, to) => data.subarray(from, to), close: () => undefined };
}

/** A pack on disk. It stays open, so that it can be read even when its folder goes. */
export function packOnDisk(file: string, bytes: number, index: PackIndex): Pack {
  const descriptor = openSync(file, 'r');
  let isClosed = false;
  return {
    index,
    bytes,
    slice: (from, to) => {
      // By then the number may be that of another file.
      if (isClosed) throw new Error('the pack is not here any more');
      const data = Buffer.allocUnsafe(to - from);
      let done = 0;
      while (done < data.length) {
        const read = readSync(descriptor, data, done, data.length - done, from + done);
        if (read === 0) throw new Error('the pack ends too early');
        done += read;
      }
      return data;
    },
    close: () => {
      if (isClosed) return;
      isClosed = true;
      closeSync(descriptor);
      removeQuietly(file);
    },
  };
}

/** What a folder that can only be read keeps is of no use, and does no harm. */
function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // It goes with its folder.
  }
}

const maxDeltaDepth = 4_096;
/** Others wait while one object is unfolded. Bytes: of the object, of one delta, and of all that are unfolded on the way. */
const most = { object: 16 * 1024 * 1024, delta: 8 * 1024 * 1024, all: 128 * 1024 * 1024 };

/** An object is no manifest and nothing that one is made of, by its size. */
export class TooLargeToRead extends LockstepError {
  constructor() {
    super('SourceTooLarge', `the file is larger than ${most.object} bytes`);
  }
}

/**
 * Folders with many entries, unfolded: the next ones differ from them by little. What was read of them is kept with them, and
 * takes some times as much.
 */
const keptTrees = { bytes: 8 * 1024 * 1024, smallest: 4_096, times: 5 };

/** Objects that were read last. */
export interface ReadCache {
  get(oid: string): GitObject | undefined;
  note(oid: string, object: GitObject): void;
}

export function newReadCache(): ReadCache {
  const kept = new Map<string, GitObject>();
  let bytes = 0;
  return {
    get: (oid) => kept.get(oid),
    note: (oid, object) => {
      if (object.type !== 'tree' || object.data.length < keptTrees.smallest || kept.has(oid)) return;
      kept.set(oid, object);
      bytes += object.data.length * keptTrees.times;
      for (const [oldest, { data }] of kept) {
        if (bytes <= keptTrees.bytes || kept.size === 1) break;
        kept.delete(oldest);
        bytes -= data.length * keptTrees.times;
      }
    },
  };
}

/** Reads the objects of several packs: the newest first, where what is asked for next mostly is. */
export function readerOf(packs: readonly Pack[], cache: ReadCache): ObjectReader {
  const find = (oid: string, newest: number): Found | undefined => {
    const id = Buffer.from(oid, 'hex');
    for (let at = newest; at >= 0; at -= 1) {
      const pack = packs[at];
      const place = pack === undefined ? undefined : findObject(pack.index, id);
      if (pack !== undefined && place !== undefined) return { pack, at, ...place };
    }
    return undefined;
  };
  // A delta leans on its own pack, or on one that was here before: never on a newer one, which may lean on it.
  const base = (oid: string, at: number): Found | undefined => find(oid, at - 1) ?? find(oid, at);
  return {
    has: (oid) => find(oid, packs.length - 1) !== undefined,
    read: (oid) => {
      const before = cache.get(oid);
      if (before !== undefined) return before;
      const found = find(oid, packs.length - 1);
      if (found === undefined) throw new Error(`the object ${oid} is in no pack`);
      const object = readAt(found, base, cache);
      cache.note(oid, object);
      return object;
    },
  };
}

/** Where an object stands: in which pack, and from where to where. */
interface Found {
  readonly pack: Pack;
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** Deltas are collected down to their base, over as many packs as it takes, and then applied one by one. */
function readAt(first: Found, base: (oid: string, at: number) => Found | undefined, cache: ReadCache): GitObject {
  const chain: Chain = { deltas: [], bytes: 0 };
  let here = first;
  for (;;) {
    const { kind, content, baseOffset, baseOid } = readEntry(here);
    if (kind !== 'offset-delta' && kind !== 'reference-delta')
      return unfold({ type: kind, data: content }, chain.deltas);
    noteDelta(chain, content);
    if (baseOid === undefined) {
      const from = baseOffset ?? 0;
      here = { ...here, from, to: endOf(here.pack.index.ends, from) };
      continue;
    }
    const kept = cache.get(baseOid);
    if (kept !== undefined) return unfold(kept, chain.deltas);
    const found = base(baseOid, here.at);
    if (found === undefined) throw new Error(`the object ${baseOid} is in no pack`);
    here = found;
  }
}

/** An object, or a delta and what it leans on. @throws TooLargeToRead */
function readEntry({ pack, from, to }: Found): EntryHeader & { readonly content: Buffer } {
  const data = pack.slice(from, to);
  const header = readEntryHeader(data, 0, from);
  const isDelta = header.kind === 'offset-delta' || header.kind === 'reference-delta';
  if (header.size > (isDelta ? most.delta : most.object)) throw new TooLargeToRead();
  return { ...header, content: inflateEntry(data, header.next, header.size).content };
}

/** Deltas, the last one first, and how many bytes they take and make. */
interface Chain {
  readonly deltas: Buffer[];
  bytes: number;
}

/** @throws TooLargeToRead, Error */
function noteDelta(chain: Chain, delta: Buffer): void {
  const result = sizeOfResult(delta);
  if (result > most.object) throw new TooLargeToRead();
  chain.bytes += delta.length + result;
  if (chain.deltas.push(delta) > maxDeltaDepth || chain.bytes > most.all)
    throw new Error('the pack has a chain of deltas that is too long');
}

function unfold({ type, data }: GitObject, deltas: readonly Buffer[]): GitObject {
  return { type, data: deltas.reduceRight((base, delta) => applyDelta(base, delta), data) };
}
