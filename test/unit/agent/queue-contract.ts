import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Hint, Queue, QueueLimits, Work } from '../../../agent/queue/queue.ts';

/** Makes a queue of its own for one test. */
export type MakeQueue = (work: Work, onError?: (key: string, error: unknown) => void, limits?: QueueLimits) => Queue;

/** A piece of work that ends when the test says so. */
function gate(): { open: () => void; wait: Promise<void> } {
  let open = (): void => undefined;
  const wait = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, wait };
}

async function until(what: string, check: () => boolean, timeout = 5_000): Promise<void> {
  const end = performance.now() + timeout;
  while (!check()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await sleep(2);
  }
}

/**
 * What every queue promises, whatever keeps it.
 * @param settling milliseconds in which whatever still comes would have come
 */
export function queueContract(make: MakeQueue, settling: number): void {
  it('runs a key once at a time, and once more for any number of additions while it runs', async () => {
    const gates = [gate(), gate(), gate()];
    let [runs, parallel, most] = [0, 0, 0];
    const queue = make(async () => {
      parallel += 1;
      most = Math.max(most, parallel);
      await gates[runs++]?.wait;
      parallel -= 1;
      return undefined;
    });
    queue.add('a');
    await until('the first run', () => runs === 1);
    for (let i = 0; i < 5; i += 1) queue.add('a');
    await sleep(settling);
    expect(runs).toBe(1);
    gates[0]?.open();
    await until('the second run', () => runs === 2);
    gates[1]?.open();
    await sleep(settling);
    await queue.close();
    expect([runs, most]).toEqual([2, 1]);
  });

  it('runs many keys at once, up to the number of workers', async () => {
    const block = gate();
    let [running, most] = [0, 0];
    const done: string[] = [];
    const queue = make(
      async (key) => {
        running += 1;
        most = Math.max(most, running);
        await block.wait;
        running -= 1;
        done.push(key);
        return undefined;
      },
      undefined,
      { workers: 3, firstRetry: 1, longestRetry: 1 },
    );
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
    await until('three run', () => running === 3);
    await sleep(settling);
    expect(running).toBe(3);
    block.open();
    await until('all have run', () => done.length === 5);
    expect(most).toBe(3);
    await queue.close();
  });

  it('hands hints to the next run, each once', async () => {
    const seen: Hint[][] = [];
    const first = gate();
    const queue = make(async (_key, hints) => {
      seen.push([...hints]);
      if (seen.length === 1) await first.wait;
      return undefined;
    });
    queue.add('a');
    await until('the first run', () => seen.length === 1);
    queue.add('a', 'source');
    queue.add('a');
    first.open();
    await until('the second run', () => seen.length === 2);
    queue.add('a');
    await until('the third run', () => seen.length === 3);
    await queue.close();
    expect(seen).toEqual([[], ['source'], []]);
  });

  it('tries again what failed, each key with delays of its own, and tells of it', async () => {
    const failures: string[] = [];
    const runs: Record<string, number> = {};
    const queue = make(
      async (key) => {
        runs[key] = (runs[key] ?? 0) + 1;
        if (key === 'bad') throw new Error('no');
        return undefined;
      },
      (key) => failures.push(key),
      { workers: 2, firstRetry: 20, longestRetry: 1_000 },
    );
    queue.add('bad');
    queue.add('good');
    await until('it failed three times', () => failures.length === 3);
    const started = performance.now();
    await until('and once more', () => failures.length === 4);
    // 20, 40, 80 ms: the delays grow.
    expect(performance.now() - started).toBeGreaterThan(60);
    await queue.close();
    expect(runs['good']).toBe(1);
  });

  it('comes back after the time that the work asks for; the earliest timer counts', async () => {
    let runs = 0;
    const queue = make(async () => {
      runs += 1;
      return runs === 1 ? 10 : undefined;
    });
    queue.add('a');
    queue.addAfter('a', 60_000);
    await until('the second run', () => runs === 2);
    await sleep(settling);
    expect(runs).toBe(2);
    await queue.close();
  });

  it('starts nothing after it was closed, and waits for what runs', async () => {
    let done = false;
    let begun = false;
    const queue = make(async () => {
      begun = true;
      await sleep(20);
      done = true;
      return 1;
    });
    queue.add('a');
    await until('it runs', () => begun);
    await queue.close();
    expect(done).toBe(true);
    done = false;
    queue.add('a');
    await sleep(settling);
    expect(done).toBe(false);
  });
}
