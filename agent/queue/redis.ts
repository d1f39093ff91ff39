import { setTimeout as sleep } from 'node:timers/promises';
import { Queue as BullQueue, type Job, type QueueOptions, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { messageOf } from '../../sync/errors.ts';
import type { Log } from '../../sync/ports.ts';
import { type Hint, hints, type Queue, type QueueLimits, queueDefaults, type Work } from './queue.ts';
import { createRun } from './run.ts';
import { createSchedule } from './schedule.ts';

/** Where the queue is kept, and who tells of its troubles. */
export interface RedisPlace {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
  readonly url: string;
  /** Agents that share a queue use one name. */
  readonly name: string;
  readonly log: Log;
}

/** Milliseconds: a key that was added this long ago and has not run is added again; how often that is looked at. */
const [patience, look] = [3_000, 500];
/** Trouble with Redis is told this often, in milliseconds. */
const tellEvery = 10_000;

/** A key that was added and has not begun. */
interface Wanted {
  readonly hints: Set<Hint>;
  /** When it was sent to Redis last. */
  sentAt: number;
  isSending: boolean;
}

/**
 * A queue on Redis. Redis holds keys and hints, and nothing that could be applied; what it forgets or hands out twice
 * neither loses a run nor adds one: this process remembers which keys it wants run, adds them again until they have, and
 * never runs a key twice at once.
 */
export function createRedisQueue(
  { url, name, log }: RedisPlace,
  work: Work,
  onError: (key: string, error: unknown) => void,
  limits: QueueLimits = queueDefaults,
): Queue {
  const wanted = new Map<string, Wanted>();
  const running = new Map<string, Promise<void>>();
  const schedule = createSchedule(add);
  const run = createRun(work, onError, limits, schedule);
  let closed = false;
  let toldAt = Number.NEGATIVE_INFINITY;

  function tell(error: unknown): void {
    if (closed || performance.now() - toldAt < tellEvery) return;
    toldAt = performance.now();
    log.warn({ problem: messageOf(error) }, 'the queue on Redis has trouble');
  }

  const connection = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (tries) => Math.min(tries * 50, 1_000),
  });
  connection.on('error', tell);
  const options: QueueOptions = {
    connection,
    prefix: 'lockstep',
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  };
  const queue = new BullQueue(name, options);
  queue.on('error', tell);
  const concurrency = limits.workers;
  const worker = new Worker(name, process, { ...options, concurrency, maxStalledCount: 10, autorun: false });
  worker.on('error', tell);
  const watch = setInterval(sendAgain, look);
  let isCleared = false;
  void begin();

  /**
   * Clears away what an agent before this one left: a run that it never ended would keep its key from running for as long
   * as that agent might still live. Nothing is lost by it, since an agent that begins wants every key run.
   */
  async function begin(): Promise<void> {
    while (!closed && !isCleared) {
      isCleared = await queue.obliterate({ force: true }).then(
        () => true,
        (error: unknown) => {
          tell(error);
          return false;
        },
      );
      if (!isCleared) await sleep(look);
    }
    if (closed) return;
    worker.run().catch(tell);
    for (const key of wanted.keys()) send(key);
  }

  async function process(job: Job): Promise<void> {
    const key = textOf(job.data?.key);
    if (key === undefined || closed) return;
    const known = wanted.get(key);
    const given = new Set([...(known?.hints ?? []), ...hintsIn(job.data?.hints)]);
    if (running.has(key)) {
      // Handed out twice, or forgotten by Redis while it ran: once more after this run is what was asked for.
      want(key, given);
      return;
    }
    wanted.delete(key);
    const ended = run(key, given).finally(() => {
      running.delete(key);
      if (wanted.has(key)) send(key);
    });
    running.set(key, ended);
    await ended;
  }

  function want(key: string, given: Iterable<Hint>): Wanted {
    const known = wanted.get(key) ?? { hints: new Set(), sentAt: performance.now(), isSending: false };
    for (const hint of given) known.hints.add(hint);
    wanted.set(key, known);
    return known;
  }

  /** Sends a key to Redis, once at a time; one that waits there already, or runs, is not doubled by it. */
  function send(key: string): void {
    const entry = wanted.get(key);
    if (entry === undefined || entry.isSending || closed || !isCleared) return;
    entry.isSending = true;
    entry.sentAt = performance.now();
    queue
      .add('turn', { key, hints: [...entry.hints] }, { deduplication: { id: key, keepLastIfActive: true } })
      .catch(tell)
      .finally(() => {
        entry.isSending = false;
      });
  }

  /** What Redis has lost is sent again; so is what it only believes to have. */
  function sendAgain(): void {
    if (!isCleared) return;
    for (const [key, entry] of wanted) {
      if (entry.isSending || running.has(key) || performance.now() - entry.sentAt < patience) continue;
      entry.sentAt = performance.now();
      forgetGhost(key)
        .then(() => send(key))
        .catch(tell);
    }
  }

  /** A mark that a job waits, without the job, would keep every other one of that key away. */
  async function forgetGhost(key: string): Promise<void> {
    const id = await queue.getDeduplicationJobId(key);
    if (id !== null && (await queue.getJob(id)) === undefined) await queue.removeDeduplicationKey(key);
  }

  function add(key: string, hint?: Hint): void {
    if (closed) return;
    want(key, hint === undefined ? [] : [hint]);
    if (!running.has(key)) send(key);
  }

  return {
    add,
    addAfter: schedule.after,
    close: async () => {
      closed = true;
      clearInterval(watch);
      schedule.close();
      await Promise.all(running.values());
      // Redis may be gone: nobody waits for its goodbye.
      await Promise.race([
        Promise.all([worker.close(true), queue.close()]),
        new Promise((done) => setTimeout(done, 1_000)),
      ]);
      connection.disconnect();
    },
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= 200 ? value : undefined;
}

function hintsIn(value: unknown): Hint[] {
  return Array.isArray(value) ? hints.filter((hint) => value.includes(hint)) : [];
}
