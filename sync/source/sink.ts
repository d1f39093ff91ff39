import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A pack that was received: in memory, or in a file of its own where it is large. */
export type Received = { readonly data: Buffer } | { readonly file: string; readonly bytes: number };

/** Where a pack goes while it is received. */
export interface Sink {
  readonly take: (piece: Buffer) => Promise<void> | void;
  end(): Promise<Received>;
  /** Nothing is left of what was received. */
  discard(): Promise<void>;
}

/** Larger packs go to disk, and are indexed by a process of their own. Bytes. */
const largest = 8 * 1024 * 1024;

/** @param most more goes to disk, in bytes */
export function openSink(folder: string, most = largest): Sink {
  const file = join(folder, `${randomUUID()}.pack`);
  let pieces: Buffer[] = [];
  let bytes = 0;
  let handle: FileHandle | undefined;

  async function spill(): Promise<void> {
    if (handle === undefined) {
      await mkdir(folder, { recursive: true });
      handle = await open(file, 'wx');
    }
    const [batch, taken] = [pieces, handle];
    pieces = [];
    for (const piece of batch) await taken.appendFile(piece);
  }

  return {
    take: (piece) => {
      pieces.push(piece);
      bytes += piece.length;
      return bytes > most ? spill() : undefined;
    },
    end: async () => {
      if (handle === undefined) return { data: Buffer.concat(pieces) };
      await spill();
      await handle.close();
      return { file, bytes };
    },
    discard: async () => {
      pieces = [];
      if (handle === undefined) return;
      await handle.close().catch(() => undefined);
      await rm(file, { force: true });
    },
  };
}
