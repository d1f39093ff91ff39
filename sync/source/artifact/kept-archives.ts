import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashText } from '../../../diff/hash.ts';
import { LockstepError } from '../../errors.ts';
import { isDigest } from '../follow.ts';
import { digestOfBytes } from './registry.ts';

/**
 * Archives on disk, by their digests, each for who may read it: who only knows the digest of another's gets nothing. A cache: it may be
 * lost at any time, and what it holds is looked at before it is used.
 */
export interface KeptArchives {
  /** @throws LockstepError SourceUnsupported for what is no digest, and could be any path */
  get(name: KeptName): Promise<Buffer | undefined>;
  put(name: KeptName, bytes: Uint8Array): Promise<void>;
}

export interface KeptName {
  readonly digest: string;
  /** The server and path that it was fetched from, and the login by which. */
  readonly reader: string;
}

/** Beyond so many bytes those that were used longest ago go. */
const mostBytes = 512 * 1024 * 1024;

/** @param folder theirs alone */
export function openKeptArchives(folder: string, limit: number = mostBytes): KeptArchives {
  const placeOf = ({ digest, reader }: KeptName): string => {
    if (isDigest(digest)) return join(folder, `${digest.replace(':', '-')}-${hashText(reader).slice(0, 32)}.tgz`);
    const shown = JSON.stringify(digest.slice(0, 100));
    throw new LockstepError('SourceUnsupported', `an archive has the digest ${shown}, which is no sha256`);
  };
  return {
    get: async (name) => {
      const place = placeOf(name);
      const bytes = await readFile(place).catch(() => undefined);
      if (bytes === undefined) return undefined;
      if (digestOfBytes(bytes) !== name.digest) {
        await rm(place, { force: true });
        return undefined;
      }
      const now = new Date();
      await utimes(place, now, now).catch(() => undefined);
      return bytes;
    },
    put: async (name, bytes) => {
      const place = placeOf(name);
      await mkdir(folder, { recursive: true });
      const half = `${place}.${randomUUID()}.part`;
      await writeFile(half, bytes);
      await rename(half, place);
      await shrink(folder, limit);
    },
  };
}

async function shrink(folder: string, limit: number): Promise<void> {
  const found = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const status = await stat(join(folder, name)).catch(() => undefined);
      return { name, size: status?.size ?? 0, used: status?.mtimeMs ?? 0 };
    }),
  );
  let bytes = found.reduce((sum, { size }) => sum + size, 0);
  for (const { name, size } of found.sort((a, b) => a.used - b.used)) {
    if (bytes <= limit) return;
    await rm(join(folder, name), { force: true });
    bytes -= size;
  }
}
