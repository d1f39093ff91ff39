import { Worker as Thread } from 'node:worker_threads';
import { LockstepError } from '../errors.ts';
import type { Worker } from '../fair-pool.ts';
import { breathe } from '../parallel.ts';
import type { Problem, SourcedObject } from '../types.ts';
import type { Rendered } from './plain.ts';
import { type ReaderReply, type ReaderTask, unpackInto } from './reader-messages.ts';

/** What one text may take: milliseconds, and megabytes of memory. */
export interface ThreadLimits {
  readonly deadline: number;
  readonly memoryMb: number;
}

/** A thread that reads one text at a time, and is ended when one takes too much. */
export interface ReadingThread extends Worker {
  /** @throws LockstepError RenderFailed */
  read(path: string, text: string): Promise<Rendered>;
}

interface All {
  readonly objects: SourcedObject[];
  readonly problems: Problem[];
}

/** What is unpacked at once, in bytes: a millisecond or two. */
const slice = 64 * 1024;

/** In the bundle it stands beside the rest under a name of its own. */
const entry = new URL(import.meta.url.endsWith('.ts') ? './reader-worker.ts' : './reader-worker.mjs', import.meta.url);

export function startReading({ deadline, memoryMb }: ThreadLimits): ReadingThread {
  const resourceLimits = { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };
  const worker = new Thread(entry, { resourceLimits, env: {}, name: 'manifests' });
  let broken: Error | undefined;
  let heard: ((reply: ReaderReply | Error) => void) | undefined;

  function breakOff(error: Error): void {
    if (broken !== undefined) return;
    broken = error;
    void worker.terminate();
    heard?.(error);
  }

  // Nobody waits for it to end.
  worker.unref();
  worker.on('message', (reply: ReaderReply) => heard?.(reply));
  worker.on('error', breakOff);
  worker.on('exit', () => breakOff(new Error('longer than its thread lives')));

  const hear = (): Promise<ReaderReply> =>
    new Promise((resolve, reject) => {
      heard = (reply) => (reply instanceof Error ? reject(reply) : resolve(reply));
      if (broken !== undefined) heard(broken);
    });
  const ready = hear();
  ready.catch(() => undefined);

  function ask(task: ReaderTask): Promise<ReaderReply> {
    const answer = hear();
    worker.postMessage(task);
    return answer;
  }

  async function readAll(path: string, text: string): Promise<Rendered> {
    const all: All = { objects: [], problems: [] };
    await ready;
    let reply = await ask({ path, text });
    while (typeof reply === 'object') {
      await unpackAll(all, reply.packed);
      reply = await ask('next');
    }
    return all;
  }

  return {
    isUsable: () => broken === undefined,
    read: async (path, text) => {
      const timer = setTimeout(() => breakOff(new Error(`longer than ${deadline} ms`)), deadline);
      try {
        return await readAll(path, text);
      } catch (error) {
        const isMemory = (error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY';
        const what = isMemory ? `more memory than ${memoryMb} MB` : (error as Error).message;
        throw new LockstepError('RenderFailed', `${path} can not be read: it takes ${what}`, { cause: error });
      } finally {
        clearTimeout(timer);
      }
    },
    end: async () => {
      broken ??= new Error('longer than the agent runs');
      await worker.terminate();
    },
  };
}

async function unpackAll(all: All, packed: readonly Uint8Array[]): Promise<void> {
  let bytes = 0;
  for (const one of packed) {
    unpackInto(all, one);
    bytes += one.length;
    if (bytes < slice) continue;
    bytes = 0;
    await breathe();
  }
}
