import { rm } from 'node:fs/promises';
import { breathe } from '../parallel.ts';
import { protocolOf } from './advertisement.ts';
import { parseCommit } from './commit.ts';
import { indexPack, UnfoldsTooFar } from './index-pack.ts';
import { newReadCache, type ObjectReader, packInMemory, readerOf } from './pack.ts';
import { objectsOf, type Remote } from './remote.ts';
import { openSink } from './sink.ts';
import { sourceError } from './trouble.ts';
import { requestPack } from './upload-pack.ts';

/** How many commits back a predecessor is looked for: first where it mostly is, then as far as anybody pushes at once. */
const depths = [100, 10_000];
/** What is more than this is no history of commits. Bytes. */
const longest = { bytes: 30 * 1024 * 1024, unfolded: { one: 4 * 1024 * 1024, all: 256 * 1024 * 1024 } };

/**
 * Whether a commit follows another one: whether that is it, or among those that it was made from. The server is asked for
 * the commits between them, and for nothing that they hold where it can leave that out.
 * @throws LockstepError
 */
export async function isSuccessor(remote: Remote, commit: string, before: string): Promise<boolean> {
  if (commit === before || parentsIn(objectsOf(remote), commit).includes(before)) return true;
  try {
    const isFilter = await canLeaveOut(remote);
    for (const depth of depths) {
      const { reader, isCut } = await commitsBetween(remote, commit, before, { depth, isFilter });
      if (isReached(reader, commit, before)) return true;
      if (!isCut) return false;
    }
    return false;
  } catch (error) {
    throw sourceError(error, remote.url.href);
  }
}

async function canLeaveOut({ copy, address, transport }: Remote): Promise<boolean> {
  const protocol = await protocolOf(transport(), address, copy.advertised);
  return protocol.version === 2 && protocol.canFilter;
}

interface Commits {
  readonly reader: ObjectReader;
  /** Whether there are more. */
  readonly isCut: boolean;
}

/** What is too much to be looked through. */
const nothing = (): Commits => ({ reader: readerOf([], newReadCache()), isCut: false });

async function commitsBetween(
  { copy, address, transport }: Remote,
  commit: string,
  before: string,
  { depth, isFilter }: { depth: number; isFilter: boolean },
): Promise<Commits> {
  const http = transport();
  const protocol = await protocolOf(http, address, copy.advertised);
  const sink = openSink(copy.folder, longest.bytes);
  const request = { wants: [commit], haves: [before], shallow: [], depth, commitsOnly: isFilter, isThin: false };
  try {
    const { shallow } = await requestPack(http, address, protocol, request, sink.take);
    const received = await sink.end();
    if ('file' in received) {
      await rm(received.file, { force: true });
      return nothing();
    }
    const index = await indexPack(received.data, { known: () => undefined, pause: breathe, most: longest.unfolded });
    return { reader: readerOf([packInMemory(received.data, index)], newReadCache()), isCut: shallow.length > 0 };
  } catch (error) {
    await sink.discard();
    if (error instanceof UnfoldsTooFar) return nothing();
    throw error;
  }
}

function isReached(reader: ObjectReader, commit: string, before: string): boolean {
  const seen = new Set([commit]);
  for (const one of seen) {
    if (one === before) return true;
    if (reader.has(one)) for (const parent of parentsIn(reader, one)) seen.add(parent);
  }
  return false;
}

function parentsIn(reader: ObjectReader, commit: string): readonly string[] {
  return parseCommit(reader.read(commit), commit).parents;
}
