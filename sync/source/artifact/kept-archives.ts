import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOfBytes } from './registry.ts';

/** Archives on disk, by their digests. A cache: it may be lost at any time, and what it holds is looked at before it is used. */
export interface KeptArchives {
  get(digest: string): Promise<Buffer | undefined>;
  put(digest: string, bytes: Uint8Array): Promise<void>;
}

/** Beyond so many bytes those that were used longest ago go. */
const mostBytes = 512 * 1024 * 1024;

/** @param folder theirs alone */
export function openKeptArchives(folder: string, limit: number = mostBytes): KeptArchives {
  const placeOf = (digest: string): string => join(folder, `${digest.replace(':', '-')}.tgz`);
  return {
    get: async (digest) => {
      const place = placeOf(digest);
      const bytes = await readFile(place).catch(() => undefined);
      if (bytes === undefined) return undefined;
      if (digestOfBytes(bytes) !== digest) {
        await rm(place, { force: true });
        return undefined;
      }
      const now = new Date();
      await utimes(place, now, now).catch(() => undefined);
      return bytes;
    },
    put: async (digest, bytes) => {
      await mkdir(folder, { recursive: true });
      const place = placeOf(digest);
      const half = `${place}.${process.pid}.part`;
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
