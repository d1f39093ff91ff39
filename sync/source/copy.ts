import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError } from '../errors.ts';
import { breathe } from '../parallel.ts';
import { type Advertised, newAdvertised, protocolOf } from './advertisement.ts';
import { indexApart } from './index-apart.ts';
import { indexPack, UnfoldsTooFar } from './index-pack.ts';
import {
  newReadCache,
  type ObjectReader,
  type Pack,
  packInMemory,
  packOnDisk,
  type ReadCache,
  readerOf,
  TooLargeToRead,
} from './pack.ts';
import type { GitObject } from './pack-format.ts';
import { openSink, type Received } from './sink.ts';
import type { Transport } from './transport.ts';
import { isStorageTrouble } from './trouble.ts';
import { NotOurs, type PackRequest, requestPack, StatusError } from './upload-pack.ts';

/** What is here of a repository, shared by all Deliveries of one URL and credential. Commits come without their history. */
export interface Copy {
  readonly key: string;
  readonly folder: string;
  packs: readonly Pack[];
  reader: ObjectReader;
  readonly cache: ReadCache;
  /** Commits that are here whole, the newest last. */
  commits: readonly string[];
  /** One fetch at a time. */
  busy: Promise<unknown>;
  /** What the server said of itself. */
  readonly advertised: Advertised;
}

export function newCopy(key: string, folder: string): Copy {
  const cache = newReadCache();
  return {
    key,
    folder,
    packs: [],
    reader: readerOf([], cache),
    cache,
    commits: [],
    busy: Promise.resolve(),
    advertised: newAdvertised(),
  };
}

/** Forgets everything: the next fetch begins anew. */
export async function forgetCopy(copy: Copy): Promise<void> {
  replacePacks(copy, [], []);
  await rm(copy.folder, { recursive: true, force: true });
}

/** Sizes in bytes. */
const sizes = {
  /** Smaller packs stay in memory: most pushes are a few hundred bytes. */
  small: 256 * 1024,
  /** What came since the copy was begun may be so much larger than what it began with. */
  spare: 32 * 1024 * 1024,
  /** More objects are indexed apart, however small they are. */
  objects: 200_000,
  /** What unfolds into more is indexed apart too: others wait while an object is unfolded. */
  unfolded: { one: 8 * 1024 * 1024, all: 64 * 1024 * 1024 },
};
/** Every fetch adds a pack: after so many it is cheaper to begin again. */
const mostPacks = 200;
/** Commits that the server is told of. */
const mostHaves = 16;

/** What is fetched: a commit, or a tag together with its commit. */
export interface Wanted {
  readonly object: string;
  readonly commit: string;
}

/**
 * Fetches a commit without its history: of what is here already, only what differs comes.
 * @param owner whose share of the machine it takes
 * @throws Error, NotOurs, LockstepError, or what a file system throws
 */
export async function fetchInto(
  copy: Copy,
  http: Transport,
  url: string,
  wanted: Wanted,
  owner: string,
): Promise<void> {
  // What an earlier process has left is of no use.
  if (copy.packs.length === 0) await rm(copy.folder, { recursive: true, force: true });
  if (copy.commits.length > 0 && !isFull(copy)) {
    try {
      const pack = await fetchPack(copy, http, url, wanted, { known: copy.commits, owner });
      replacePacks(copy, [...copy.packs, pack], [...copy.commits, wanted.commit].slice(-mostHaves));
      return;
    } catch (error) {
      if (!isAboutPack(error)) throw error;
    }
  }
  replacePacks(copy, [await fetchPack(copy, http, url, wanted, { known: [], owner })], [wanted.commit]);
}

/**
 * Fetches a commit with all of its history, which also brings the commits before it that a server does not hand out by
 * themselves.
 * @throws as fetchInto
 */
export async function fetchHistory(
  copy: Copy,
  http: Transport,
  url: string,
  tip: string,
  owner: string,
): Promise<void> {
  const received = await receive(copy, http, url, {
    wants: [tip],
    haves: [],
    shallow: [],
    depth: undefined,
    isThin: false,
  });
  const pack = await indexedApart(await onDisk(copy, received), owner);
  replacePacks(copy, [pack], [tip]);
}

/** Whether it may be better without anything that is here already: a server may have lost what it gave. */
function isAboutPack(error: unknown): boolean {
  return (
    !(error instanceof LockstepError || error instanceof NotOurs || error instanceof StatusError) &&
    !isStorageTrouble(error)
  );
}

async function fetchPack(
  copy: Copy,
  http: Transport,
  url: string,
  { object }: Wanted,
  { known, owner }: { readonly known: readonly string[]; readonly owner: string },
): Promise<Pack> {
  const received = await receive(copy, http, url, {
    wants: [object],
    haves: known,
    shallow: known,
    depth: 1,
    isThin: known.length > 0,
  });
  const here = await indexedHere(copy, received);
  if (here !== undefined) return here;
  if (known.length === 0) return indexedApart(await onDisk(copy, received), owner);
  if ('file' in received) await rm(received.file, { force: true });
  throw new Error('it is indexed apart, where nothing is known of other packs');
}

async function receive(copy: Copy, http: Transport, url: string, request: PackRequest): Promise<Received> {
  const protocol = await protocolOf(http, url, copy.advertised);
  const sink = openSink(copy.folder);
  try {
    await requestPack(http, url, protocol, request, sink.take);
    return await sink.end();
  } catch (error) {
    await sink.discard();
    throw error;
  }
}

function isFull({ packs: [first, ...later] }: Copy): boolean {
  const bytes = later.reduce((sum, pack) => sum + pack.bytes, 0);
  return later.length + 1 >= mostPacks || bytes > sizes.spare + 2 * (first?.bytes ?? 0);
}

/** What is read from now on. Packs that are not among it are closed, and their files go. */
function replacePacks(copy: Copy, packs: readonly Pack[], commits: readonly string[]): void {
  const before = copy.packs;
  copy.packs = packs;
  copy.commits = commits;
  copy.reader = readerOf(packs, copy.cache);
  for (const pack of before) if (!packs.includes(pack)) pack.close();
}

/** Undefined for a pack that takes more than others may be made to wait for. */
async function indexedHere(copy: Copy, received: Received): Promise<Pack | undefined> {
  if ('file' in received || countIn(received.data) > sizes.objects) return undefined;
  try {
    return await indexed(copy, received);
  } catch (error) {
    if (error instanceof UnfoldsTooFar) return undefined;
    throw error;
  }
}

async function indexed(copy: Copy, { data }: Extract<Received, { data: Buffer }>): Promise<Pack> {
  const { reader } = copy;
  const known = (oid: string): GitObject | undefined => {
    try {
      return reader.has(oid) ? reader.read(oid) : undefined;
    } catch (error) {
      throw error instanceof TooLargeToRead ? new UnfoldsTooFar(error.message) : error;
    }
  };
  const index = await indexPack(data, { known, pause: breathe, most: sizes.unfolded });
  if (data.length <= sizes.small) return packInMemory(data, index);
  const file = join(copy.folder, `${index.ids.toString('hex', 0, 8)}-${data.length}.pack`);
  await mkdir(copy.folder, { recursive: true });
  await writeFile(file, data);
  return packOnDisk(file, data.length, index);
}

/** How many objects a pack says that it holds. */
function countIn(data: Buffer): number {
  return data.length < 12 ? 0 : data.readUInt32BE(8);
}

async function onDisk(copy: Copy, received: Received): Promise<Extract<Received, { file: string }>> {
  if ('file' in received) return received;
  const file = join(copy.folder, `${randomUUID()}.pack`);
  await mkdir(copy.folder, { recursive: true });
  await writeFile(file, received.data);
  return { file, bytes: received.data.length };
}

async function indexedApart({ file, bytes }: Extract<Received, { file: string }>, owner: string): Promise<Pack> {
  try {
    return packOnDisk(file, bytes, await indexApart(file, owner));
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}
