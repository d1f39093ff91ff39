import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { readInParts } from './plain.ts';
import { packed, type ReaderReply, type ReaderTask } from './reader-messages.ts';

/** The thread in which long texts are read. It knows nothing but what it is sent. */
const partLetters = 256 * 1024;
/** On Linux that is about this thread alone: on a small machine the agent's own loop goes first. */
const nice = 10;
let parts: ReturnType<typeof readInParts> | undefined;

function reply(message: ReaderReply): void {
  parentPort?.postMessage(message);
}

parentPort?.on('message', (task: ReaderTask) => {
  if (task !== 'next') parts = readInParts(task.path, task.text, partLetters);
  const next = parts?.next();
  if (next === undefined || next.done === true) {
    parts = undefined;
    reply('end');
  } else reply({ packed: packed(next.value) });
});
try {
  setPriority(0, nice);
} catch {
  // Who may not is as fast as everybody.
}
reply('ready');
