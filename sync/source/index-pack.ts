import { createHash } from 'node:crypto';
import {
  applyDelta,
  type GitObject,
  inflateEntry,
  maxObjectBytes,
  readEntryHeader,
  sizeOfResult,
} from './pack-format.ts';

/** Where the objects of a pack stand. */
export interface PackIndex {
  /** 20 bytes each, sorted. */
  readonly ids: Buffer;
  /** Where the object of the same place begins. */
  readonly offsets: Float64Array;
  /** All places, sorted, and the end of the last object. */
  readonly ends: Float64Array;
}

/** More objects than these no repository of manifests has. */
const maxObjects = 4_000_000;

interface Scanned {
  readonly offset: number;
  readonly size: number;
  /** Where the content begins. */
  readonly content: number;
  readonly kind: GitObject['type'] | undefined;
  readonly baseOffset: number | undefined;
  readonly baseOid: string | undefined;
}

/** How much may be unfolded, in bytes: of one object or delta, and of all. */
export interface Unfolding {
  readonly one: number;
  readonly all: number;
}

/** A pack unfolds into more than whoever indexes it wants to unfold. */
export class UnfoldsTooFar extends Error {}

/** What indexing needs beside the pack. */
export interface Surroundings {
  /** Objects that are here already: a server may send what differs from one of them. */
  readonly known: (oid: string) => GitObject | undefined;
  /** Comes back after others had their turn; called every few milliseconds. */
  readonly pause: () => Promise<void>;
  /** Without it, as much as any repository of manifests needs. */
  readonly most?: Unfolding;
}

/**
 * Finds every object of a pack and its id. What is missing, broken or too large is an error, so that nothing is ever read
 * from half a pack.
 * @throws Error; UnfoldsTooFar
 */
export async function indexPack(pack: Buffer, { known, pause, most }: Surroundings): Promise<PackIndex> {
  const count = readHead(pack);
  const budget = newBudget(most ?? { one: maxObjectBytes, all: 2 * 1024 ** 3 + 20 * pack.length });
  const body = pack.subarray(0, -20);
  const ids = new Map<number, Buffer>();
  const byOffset = new Map<number, Scanned>();
  const children = new Map<number | string, Scanned[]>();
  const take = slicing(pause);
  let at = 12;
  for (let i = 0; i < count; i += 1) {
    const { entry, next, content } = scan(body, at, budget);
    byOffset.set(at, entry);
    if (entry.kind !== undefined) ids.set(at, idOf(entry.kind, content));
    else append(children, entry.baseOffset ?? entry.baseOid ?? '', entry);
    at = next;
    await take(content.length);
  }
  if (at !== body.length) throw new Error('the pack holds more than it says');
  await resolveDeltas({ pack: body, ids, byOffset, children, known, budget }, take);
  if (ids.size !== count) throw new Error('a delta of the pack has no base');
  return sorted(ids, at);
}

function readHead(pack: Buffer): number {
  if (pack.length < 32 || pack.toString('latin1', 0, 4) !== 'PACK' || pack.readUInt32BE(4) !== 2)
    throw new Error('what the server sent is no pack of version 2');
  const sum = createHash('sha1').update(pack.subarray(0, -20)).digest();
  if (!sum.equals(pack.subarray(-20))) throw new Error('the pack is broken: its checksum is wrong');
  const count = pack.readUInt32BE(8);
  if (count > maxObjects || count > pack.length) throw new Error(`the pack holds ${count} objects, which are too many`);
  return count;
}

function scan(pack: Buffer, at: number, budget: Budget): { entry: Scanned; next: number; content: Buffer } {
  const { kind, size, baseOffset, baseOid, next } = readEntryHeader(pack, at, at);
  budget(size);
  const { content, taken } = inflateEntry(pack, next, size);
  const isDelta = kind === 'offset-delta' || kind === 'reference-delta';
  const entry = { offset: at, size, content: next, kind: isDelta ? undefined : kind, baseOffset, baseOid };
  return { entry, next: next + taken, content };
}

function idOf(kind: string, content: Buffer): Buffer {
  return createHash('sha1').update(`${kind} ${content.length}\0`).update(content).digest();
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

interface Tables {
  readonly pack: Buffer;
  readonly ids: Map<number, Buffer>;
  readonly byOffset: ReadonlyMap<number, Scanned>;
  /** The deltas over each base, by its offset or id. */
  readonly children: Map<number | string, Scanned[]>;
  readonly known: (oid: string) => GitObject | undefined;
  readonly budget: Budget;
}

/** A base that is unfolded, and the deltas over it that are still to be read. */
interface Unfolded {
  readonly kind: GitObject['type'];
  readonly content: Buffer;
  readonly left: Scanned[];
}

/** Counts what is about to be unfolded. @throws UnfoldsTooFar */
type Budget = (bytes: number) => void;
/** Lets others have their turn, where so many bytes make that due. */
type Take = (bytes: number) => Promise<void> | undefined;

/** First over the bases of the pack itself, then over those that are here already. */
async function resolveDeltas(tables: Tables, take: Take): Promise<void> {
  const { pack, ids, byOffset, children, known } = tables;
  if (children.size === 0) return;
  for (const { offset, kind, size, content } of byOffset.values()) {
    if (kind === undefined) continue;
    const left = childrenOf(offset, ids.get(offset), children);
    if (left.length > 0)
      await unfoldAll({ kind, content: inflateEntry(pack, content, size).content, left }, tables, take);
  }
  for (const oid of [...children.keys()].filter((key) => typeof key === 'string')) {
    const base = known(oid);
    const left = children.get(oid) ?? [];
    children.delete(oid);
    if (base !== undefined) await unfoldAll({ kind: base.type, content: base.data, left }, tables, take);
  }
}

/** No chain of deltas may take more memory. */
const maxChainBytes = 256 * 1024 * 1024;

/** From a base up, so that no more than one chain of deltas is in memory. */
async function unfoldAll(first: Unfolded, tables: Tables, take: Take): Promise<void> {
  const chain: Unfolded[] = [first];
  let held = first.content.length;
  for (let base = chain.at(-1); base !== undefined; base = chain.at(-1)) {
    const delta = base.left.pop();
    if (delta === undefined) {
      chain.pop();
      held -= base.content.length;
    } else {
      const next = unfold(base, delta, tables);
      chain.push(next);
      held += next.content.length;
      if (held > maxChainBytes) throw new Error('the pack has a chain of deltas that is too large');
    }
    await take(chain.at(-1)?.content.length ?? 0);
  }
}

function unfold(base: Unfolded, delta: Scanned, { pack, ids, children, budget }: Tables): Unfolded {
  const differs = inflateEntry(pack, delta.content, delta.size).content;
  budget(sizeOfResult(differs));
  const content = applyDelta(base.content, differs);
  const id = idOf(base.kind, content);
  ids.set(delta.offset, id);
  return { kind: base.kind, content, left: childrenOf(delta.offset, id, children) };
}

/** Taken out: each delta is unfolded once. */
function childrenOf(offset: number, id: Buffer | undefined, children: Tables['children']): Scanned[] {
  const hex = id?.toString('hex') ?? '';
  const found = [...(children.get(offset) ?? []), ...(children.get(hex) ?? [])];
  children.delete(offset);
  children.delete(hex);
  return found;
}

function sorted(ids: ReadonlyMap<number, Buffer>, end: number): PackIndex {
  const pairs = [...ids].sort(([, a], [, b]) => a.compare(b));
  return {
    ids: Buffer.concat(pairs.map(([, id]) => id)),
    offsets: Float64Array.from(pairs, ([offset]) => offset),
    ends: Float64Array.from([...ids.keys(), end]).sort(),
  };
}

/** A pack may claim to hold far more than anybody could unfold. */
function newBudget({ one, all }: Unfolding): Budget {
  let total = 0;
  return (bytes) => {
    total += bytes;
    if (bytes > one) throw new UnfoldsTooFar(`an object of the pack is larger than ${one} bytes`);
    if (total > all) throw new UnfoldsTooFar('the pack unfolds into more than it may');
  };
}

/** What is a slice of work, in milliseconds. */
const slice = 8;
/** The clock is looked at once in so many steps, or bytes. */
const steps = 16;
const stepBytes = 256 * 1024;

function slicing(pause: () => Promise<void>): Take {
  let began = performance.now();
  let step = 0;
  let taken = 0;
  return (bytes) => {
    step += 1;
    taken += bytes;
    if (step < steps && taken < stepBytes) return undefined;
    step = 0;
    taken = 0;
    if (performance.now() - began < slice) return undefined;
    return pause().then(() => {
      began = performance.now();
    });
  };
}

/** Where an object begins and ends; undefined when the pack does not hold it. */
export function findObject({ ids, offsets, ends }: PackIndex, oid: Buffer): { from: number; to: number } | undefined {
  const place = search(offsets.length, (middle) => oid.compare(ids, middle * 20, middle * 20 + 20));
  const from = place === undefined ? undefined : offsets[place];
  return from === undefined ? undefined : { from, to: endOf(ends, from) };
}

/** Where the object ends that begins at an offset; -1 when none begins there. */
export function endOf(ends: Float64Array, from: number): number {
  const place = search(ends.length, (middle) => from - (ends[middle] ?? 0));
  return place === undefined ? -1 : (ends[place + 1] ?? -1);
}

function search(count: number, order: (place: number) => number): number | undefined {
  let [low, high] = [0, count - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = order(middle);
    if (found === 0) return middle;
    if (found < 0) high = middle - 1;
    else low = middle + 1;
  }
  return undefined;
}
