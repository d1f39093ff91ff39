import { LockstepError } from './errors.ts';

/** A process or thread that does one thing at a time. */
export interface Worker {
  /** Whether it can be given anything more. */
  isUsable(): boolean;
  end(): void | Promise<void>;
}

/** Workers that are started when there is something to do, and ended when there is not. */
export interface FairPool<W extends Worker> {
  /**
   * @param owner whose work it is: whoever fills theirs to the limit never gets more than half of the workers
   * @throws LockstepError RenderFailed when the pool is closed before its turn came
   */
  run<R>(owner: string, work: (worker: W) => Promise<R>): Promise<R>;
  close(): Promise<void>;
}

interface Job<W> {
  readonly owner: string;
  readonly work: (worker: W) => Promise<void>;
  readonly reject: (error: unknown) => void;
}

/**
 * @param size how many workers there are at once
 * @param idle for how many milliseconds one waits for the next work
 */
export function createFairPool<W extends Worker>(size: number, idle: number, start: () => W): FairPool<W> {
  const waiting: Job<W>[] = [];
  const busy = new Map<W, string>();
  const resting = new Map<W, NodeJS.Timeout>();

  const isServed = (owner: string): boolean => [...busy.values()].filter((other) => other === owner).length < size / 2;

  function take(): W {
    for (const [worker, timer] of resting) {
      clearTimeout(timer);
      resting.delete(worker);
      if (worker.isUsable()) return worker;
    }
    return start();
  }

  function next(): void {
    if (busy.size >= size) return;
    const index = waiting.findIndex(({ owner }) => isServed(owner));
    const [job] = index < 0 ? [] : waiting.splice(index, 1);
    if (job === undefined) return;
    const worker = take();
    busy.set(worker, job.owner);
    void job.work(worker).finally(() => {
      busy.delete(worker);
      if (worker.isUsable()) rest(worker);
      next();
    });
    next();
  }

  function rest(worker: W): void {
    const timer = setTimeout(() => {
      resting.delete(worker);
      void worker.end();
    }, idle);
    timer.unref();
    resting.set(worker, timer);
  }

  return {
    run: (owner, work) =>
      new Promise((resolve, reject) => {
        waiting.push({ owner, work: (worker) => work(worker).then(resolve, reject), reject });
        next();
      }),
    close: async () => {
      for (const job of waiting.splice(0)) job.reject(new LockstepError('RenderFailed', 'the agent stops'));
      for (const timer of resting.values()) clearTimeout(timer);
      await Promise.all([...resting.keys(), ...busy.keys()].map((worker) => worker.end()));
    },
  };
}
