import { LockstepError } from '../errors.ts';
import type { Rendered } from './plain.ts';
import type { ManifestReader } from './reader-port.ts';
import { type ReadingThread, startReading, type ThreadLimits } from './reader-thread.ts';

/** What reading may take. */
export interface ReaderLimits extends ThreadLimits {
  readonly threads: number;
  /** For how many milliseconds a thread waits for the next text. */
  readonly idle: number;
}

const readerDefaults: ReaderLimits = { threads: 2, idle: 30_000, deadline: 20_000, memoryMb: 256 };

interface Job {
  readonly owner: string;
  readonly path: string;
  readonly text: string;
  readonly resolve: (rendered: Rendered) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads in threads of their own, started when there is something to read and ended when there is not. */
export function createManifestReader(
  limits: ReaderLimits = readerDefaults,
): ManifestReader & { close(): Promise<void> } {
  const waiting: Job[] = [];
  const busy = new Map<ReadingThread, string>();
  const idle = new Map<ReadingThread, NodeJS.Timeout>();

  const isServed = (owner: string): boolean =>
    [...busy.values()].filter((other) => other === owner).length < limits.threads / 2;

  function takeThread(): ReadingThread {
    const [thread, timer] = idle.entries().next().value ?? [];
    if (thread === undefined) return startReading(limits);
    clearTimeout(timer);
    idle.delete(thread);
    return thread;
  }

  function next(): void {
    if (busy.size >= limits.threads) return;
    const index = waiting.findIndex(({ owner }) => isServed(owner));
    const [job] = index < 0 ? [] : waiting.splice(index, 1);
    if (job === undefined) return;
    const thread = takeThread();
    busy.set(thread, job.owner);
    thread
      .read(job.path, job.text)
      .then(job.resolve, job.reject)
      .finally(() => {
        busy.delete(thread);
        if (thread.isUsable()) rest(thread);
        next();
      });
    next();
  }

  function rest(thread: ReadingThread): void {
    const timer = setTimeout(() => {
      idle.delete(thread);
      void thread.end();
    }, limits.idle);
    timer.unref();
    idle.set(thread, timer);
  }

  return {
    read: (owner, path, text) =>
      new Promise((resolve, reject) => {
        waiting.push({ owner, path, text, resolve, reject });
        next();
      }),
    close: async () => {
      for (const job of waiting.splice(0)) job.reject(new LockstepError('RenderFailed', 'the agent stops'));
      for (const timer of idle.values()) clearTimeout(timer);
      await Promise.all([...idle.keys(), ...busy.keys()].map((thread) => thread.end()));
    },
  };
}
