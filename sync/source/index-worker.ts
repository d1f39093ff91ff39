import { readFileSync, writeFileSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import { indexPack, UnfoldsTooFar } from './index-pack.ts';
import { storeIndex } from './stored-index.ts';

/** The process that indexes one large pack: the file to read, the one to write, and the most memory to take, in bytes. */
const [file = '', stored = '', memory = ''] = process.argv.slice(2);

/** What is outside of the heap has no limit of its own: it is looked at between the slices of work. */
async function watchMemory(): Promise<void> {
  if (process.memoryUsage.rss() > Number(memory))
    throw new UnfoldsTooFar(`the pack takes more than ${memory} bytes of memory`);
}

try {
  const index = await indexPack(readFileSync(file), { known: () => undefined, pause: watchMemory });
  writeFileSync(stored, storeIndex(index));
  process.exitCode = 0;
} catch (error) {
  process.exitCode = 1;
  process.send?.({ problem: messageOf(error), isTooLarge: error instanceof UnfoldsTooFar });
}
process.disconnect?.();
