import { createHash } from 'node:crypto';
import { sharing } from '../sharing.ts';
import type { Tree } from '../tree.ts';
import { isStorageTrouble, sourceError } from '../trouble.ts';
import { readArchive, withoutTop } from './archive.ts';
import { treeOf } from './file-tree.ts';
import type { KeptArchives, KeptName } from './kept-archives.ts';

/** Which archive is meant. */
export interface ArchiveName extends KeptName {
  /** How it is called in errors. */
  readonly what: string;
  /** Whether its files stand in a folder with the name of the chart. */
  readonly isChart: boolean;
}

/** Archives, read. Each is fetched once; those that were used last are kept in memory, as far as they are small. */
export interface Unpacked {
  /** @throws LockstepError */
  tree(name: ArchiveName, fetch: () => Promise<Buffer>): Promise<Tree>;
  keep(name: KeptName, bytes: Uint8Array): Promise<void>;
}

/** Bytes of files in memory, all trees together. */
const mostInMemory = 32 * 1024 * 1024;

export function openUnpacked(archives: KeptArchives): Unpacked {
  const inMemory = new Map<string, { readonly tree: Tree; readonly bytes: number }>();
  const obtained = sharing<Buffer>();

  async function keep(name: KeptName, bytes: Uint8Array): Promise<void> {
    // Without room on disk it is fetched again, and works all the same.
    await archives.put(name, bytes).catch((error: unknown) => {
      if (!isStorageTrouble(error)) throw error;
    });
  }

  async function obtain(name: KeptName, fetch: () => Promise<Buffer>): Promise<Buffer> {
    const found = await archives.get(name);
    if (found !== undefined) return found;
    const bytes = await fetch();
    await keep(name, bytes);
    return bytes;
  }

  function remember(key: string, tree: Tree, bytes: number): void {
    inMemory.delete(key);
    if (bytes > mostInMemory) return;
    inMemory.set(key, { tree, bytes });
    let sum = [...inMemory.values()].reduce((all, one) => all + one.bytes, 0);
    for (const [oldest, one] of inMemory) {
      if (sum <= mostInMemory) break;
      inMemory.delete(oldest);
      sum -= one.bytes;
    }
  }

  return {
    keep,
    tree: async (name, fetch) => {
      const { digest, reader, what, isChart } = name;
      const key = `${digest} ${reader} ${isChart}`;
      const known = inMemory.get(key);
      if (known !== undefined) {
        remember(key, known.tree, known.bytes);
        return known.tree;
      }
      try {
        const files = await readArchive(await obtained(key, () => obtain(name, fetch)), what);
        const tree = treeOf(isChart ? withoutTop(files, what) : files, idOf);
        remember(
          key,
          tree,
          files.reduce((sum, { data }) => sum + data.length, 0),
        );
        return tree;
      } catch (error) {
        throw sourceError(error, what);
      }
    },
  };
}

function idOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
