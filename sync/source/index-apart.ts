import { fork } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { LockstepError } from '../errors.ts';
import type { PackIndex } from './index-pack.ts';
import { readStoredIndex } from './stored-index.ts';

/** In the bundle it stands beside the rest under a name of its own. */
const entry = new URL(import.meta.url.endsWith('.ts') ? './index-worker.ts' : './index-worker.mjs', import.meta.url);
/** Milliseconds. */
const deadline = 300_000;

/**
 * Indexes a large pack in a process of its own, which ends afterwards, so that its memory is given back to the machine.
 * @throws Error for a pack that is broken; LockstepError StorageFailed when the process did not end by itself
 */
export async function indexApart(file: string): Promise<PackIndex> {
  const stored = `${file}.index`;
  try {
    await run(file, stored);
    return readStoredIndex(await readFile(stored));
  } finally {
    await rm(stored, { force: true });
  }
}

function run(file: string, stored: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(entry, [file, stored], {
      env: {},
      execArgv: ['--max-old-space-size=512'],
      timeout: deadline,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let said = '';
    child.on('message', (message) => {
      said = String(message).slice(0, 300);
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else if (said !== '') reject(new Error(said));
      else
        reject(
          new LockstepError(
            'StorageFailed',
            `the pack could not be indexed: the process for that was ended (${signal ?? code})`,
          ),
        );
    });
  });
}
