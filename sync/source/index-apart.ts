import { fork } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { LockstepError } from '../errors.ts';
import { createFairPool } from '../fair-pool.ts';
import type { PackIndex } from './index-pack.ts';
import { readStoredIndex } from './stored-index.ts';

/** In the bundle it stands beside the rest under a name of its own. */
const entry = new URL(import.meta.url.endsWith('.ts') ? './index-worker.ts' : './index-worker.mjs', import.meta.url);
/** Of one process, in milliseconds and bytes. */
const limits = { deadline: 60_000, memory: 1024 ** 3 };
/** Processes at once: many repositories may be large, and the machine is one. Each is there for one pack. */
const processes = createFairPool(2, 0, () => ({ isUsable: () => false, end: () => undefined }));

/** Why a process could not index a pack, as it says itself. */
interface Said {
  readonly problem: string;
  readonly isTooLarge: boolean;
}

/**
 * Indexes a large pack in a process of its own, which ends afterwards, so that its memory is given back to the machine.
 * @param owner whose it is: nobody gets all of the processes
 * @throws Error for a pack that is broken; LockstepError SourceTooLarge, or StorageFailed when the process did not end by
 * itself
 */
export function indexApart(file: string, owner: string): Promise<PackIndex> {
  return processes.run(owner, async () => {
    const stored = `${file}.index`;
    try {
      await run(file, stored);
      return readStoredIndex(await readFile(stored));
    } finally {
      await rm(stored, { force: true });
    }
  });
}

function run(file: string, stored: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(entry, [file, stored, String(limits.memory)], {
      env: {},
      execArgv: ['--max-old-space-size=512'],
      timeout: limits.deadline,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let said: Said | undefined;
    child.on('message', (message) => {
      said = message as Said;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(said === undefined ? endedBy(signal ?? code) : errorOf(said));
    });
  });
}

function errorOf({ problem, isTooLarge }: Said): Error {
  const text = problem.slice(0, 300);
  return isTooLarge ? new LockstepError('SourceTooLarge', text) : new Error(text);
}

function endedBy(what: string | number | null): LockstepError {
  return new LockstepError('StorageFailed', `the pack could not be indexed: the process for that was ended (${what})`);
}
