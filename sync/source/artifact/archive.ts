import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { LockstepError, messageOf } from '../../errors.ts';
import type { FoundFile } from './file-tree.ts';

/** What an archive may come to. Bytes, and names. */
export interface ArchiveLimits {
  readonly bytes: number;
  readonly files: number;
}

const archiveDefaults: ArchiveLimits = { bytes: 100 * 1024 * 1024, files: 50_000 };

/**
 * Reads a tar archive, packed by gzip or not. Nothing of it touches the disk.
 * @param what how it is called in errors
 * @throws LockstepError SourceTooLarge, SourceUnsupported for names that lead elsewhere, and for what is no archive
 */
export async function readArchive(
  bytes: Uint8Array,
  what: string,
  limits: ArchiveLimits = archiveDefaults,
): Promise<FoundFile[]> {
  const files: FoundFile[] = [];
  const budget = { bytes: limits.bytes, files: limits.files };
  const tar = extract();
  tar.on('entry', (headers, stream, next) => {
    const chunks: Uint8Array[] = [];
    stream.on('data', (chunk) => chunks.push(chunk as Uint8Array));
    // What breaks off the whole is told there.
    stream.on('error', () => undefined);
    stream.on('end', () => {
      try {
        take(headers, Buffer.concat(chunks), what, files);
        next();
      } catch (error) {
        next(error as Error);
      }
    });
  });
  const count = async function* (parts: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    for await (const part of parts) {
      budget.bytes -= part.length;
      if (budget.bytes < 0 || files.length > budget.files)
        throw new LockstepError('SourceTooLarge', `${what} unpacks to more than it may`);
      yield part;
    }
  };
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const read = Readable.from(slices(bytes));
  try {
    if (isPacked) await pipeline(read, createGunzip(), count, tar);
    else await pipeline(read, count, tar);
  } catch (error) {
    if (error instanceof LockstepError) throw error;
    throw new LockstepError('SourceUnsupported', `${what} is no archive: ${messageOf(error)}`);
  }
  return files;
}

function* slices(bytes: Uint8Array): Iterable<Uint8Array> {
  const size = 256 * 1024;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Links are told as such and never followed; devices and the like are left out. */
function take({ name, type }: Header, data: Buffer, what: string, into: FoundFile[]): void {
  if (type !== 'file' && type !== 'contiguous-file' && type !== 'symlink' && type !== 'link') return;
  const names = name.split('/').filter((part) => part !== '' && part !== '.');
  if (name.startsWith('/') || names.some((part) => part === '..' || /[\\\0]/.test(part)) || names.length === 0)
    throw new LockstepError('SourceUnsupported', `${what} holds the forbidden name ${JSON.stringify(name)}`);
  const isLink = type === 'symlink' || type === 'link';
  into.push({ names, type: isLink ? 'symlink' : 'file', data: isLink ? Buffer.alloc(0) : data });
}

/**
 * The files of a chart, from the folder that its archive puts them into.
 * @throws LockstepError SourceUnsupported when some stand beside it
 */
export function withoutTop(files: readonly FoundFile[], what: string): FoundFile[] {
  const top = files[0]?.names[0];
  if (files.some(({ names }) => names[0] !== top || names.length < 2))
    throw new LockstepError('SourceUnsupported', `${what} is no chart: its files stand in more than one folder`);
  return files.map((file) => ({ ...file, names: file.names.slice(1) }));
}
