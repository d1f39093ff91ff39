import { createFairPool } from '../fair-pool.ts';
import type { ManifestReader } from './reader-port.ts';
import { startReading, type ThreadLimits } from './reader-thread.ts';

/** What reading may take. */
export interface ReaderLimits extends ThreadLimits {
  readonly threads: number;
  /** For how many milliseconds a thread waits for the next text. */
  readonly idle: number;
}

const readerDefaults: ReaderLimits = { threads: 2, idle: 30_000, deadline: 20_000, memoryMb: 256 };

/** Reads in threads of their own. */
export function createManifestReader(
  limits: ReaderLimits = readerDefaults,
): ManifestReader & { close(): Promise<void> } {
  const pool = createFairPool(limits.threads, limits.idle, () => startReading(limits));
  return {
    read: (owner, path, text) => pool.run(owner, (thread) => thread.read(path, text)),
    close: pool.close,
  };
}
