import { Worker } from 'node:worker_threads';
import type { Outcome, Reply, Task } from './messages.ts';

/** Why a task has no outcome: it took too long, or too much memory. */
export interface Broken {
  readonly problem: string;
}

/** Runs tasks one after the other in a thread of their own, which is ended when one of them does not end by itself. */
export interface Thread {
  run(task: Task, done: (outcome: Outcome | Broken) => void): void;
  close(): Promise<void>;
}

interface Job {
  readonly task: Task;
  readonly done: (outcome: Outcome | Broken) => void;
}

/** How long one task may take, and a thread may idle, in milliseconds. */
const threadLimits = { deadline: 250, idle: 60_000 };
/** Tasks that the thread has before it, so that it never waits for the next one. */
const ahead = 16;
const memory = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 };

/** In the bundle it stands beside the rest under a name of its own. */
const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './rule-worker.mjs', import.meta.url);

export function createThread(limits = threadLimits): Thread {
  let worker: Worker | undefined;
  let isReady = false;
  /** For the first of those that were sent. */
  let due: NodeJS.Timeout | undefined;
  let idle: NodeJS.Timeout | undefined;
  const waiting: Job[] = [];
  const sent: Job[] = [];

  function start(): void {
    isReady = false;
    const started = new Worker(entry, { resourceLimits: memory, env: {}, name: 'health rules' });
    // Nobody waits for it to end.
    started.unref();
    worker = started;
    started.on('message', (reply: Reply) => {
      if (worker === started) take(reply);
    });
    started.on('error', (error) => {
      if (worker === started) breakOff(error.message);
    });
  }

  function take(reply: Reply): void {
    if (reply === 'ready') isReady = true;
    else {
      clearTimeout(due);
      due = undefined;
      sent.shift()?.done(reply);
    }
    feed();
  }

  function feed(): void {
    clearTimeout(idle);
    if (worker === undefined && waiting.length > 0) start();
    if (!isReady) return;
    for (const job of waiting.splice(0, ahead - sent.length)) {
      sent.push(job);
      worker?.postMessage(job.task);
    }
    if (sent.length > 0) due ??= setTimeout(lookTwice, limits.deadline).unref();
    else idle = setTimeout(() => void end(), limits.idle).unref();
  }

  /** When this thread was busy itself, the reply may lie there already. */
  function lookTwice(): void {
    const [first] = sent;
    setImmediate(() => {
      if (sent[0] === first && first !== undefined) breakOff(`took longer than ${limits.deadline} ms`);
    });
  }

  /** The first of those that were sent is the one that did not end; the others have not begun. */
  function breakOff(problem: string): void {
    void end();
    const culprit = sent.shift() ?? waiting.shift();
    waiting.unshift(...sent.splice(0));
    culprit?.done({ problem });
    feed();
  }

  async function end(): Promise<void> {
    clearTimeout(due);
    clearTimeout(idle);
    due = undefined;
    const ended = worker;
    worker = undefined;
    isReady = false;
    await ended?.terminate();
  }

  return {
    run: (task, done) => {
      waiting.push({ task, done });
      feed();
    },
    close: end,
  };
}
