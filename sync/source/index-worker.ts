import { readFileSync, writeFileSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import { indexPack } from './index-pack.ts';
import { storeIndex } from './stored-index.ts';

/** The process that indexes one large pack: the file to read, and the one to write. */
const [file = '', stored = ''] = process.argv.slice(2);
try {
  const nothingKnown = { known: () => undefined, pause: async () => undefined };
  writeFileSync(stored, storeIndex(await indexPack(readFileSync(file), nothingKnown)));
  process.exitCode = 0;
} catch (error) {
  process.exitCode = 1;
  process.send?.(messageOf(error));
}
process.disconnect?.();
