import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createQueue, type Queue } from '../../../agent/queue.ts';

/** A piece of work that ends when the test says so. */
function gate(): { open: () => void; wait: Promise<void> } {
  let open = (): void => undefined;
  const wait = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, wait };
}

async function settle(queue: Queue): Promise<void> {
  await sleep(20);
  await queue.close();
}

describe('the queue', () => {
  it('runs a key once at a time, and once more for any number of additions while it runs', async () => {
    const gates = [gate(), gate(), gate()];
    let [runs, parallel, most] = [0, 0, 0];
    const queue = createQueue(
      async () => {
        parallel += 1;
        most = Math.max(most, parallel);
        await gates[runs++]?.wait;
        parallel -= 1;
        return undefined;
      },
      () => undefined,
    );
    queue.add('a');
    for (let i = 0; i < 5; i += 1) queue.add('a');
    gates[0]?.open();
    await sleep(5);
    expect([runs, most]).toEqual([2, 1]);
    gates[1]?.open();
    await settle(queue);
    expect(runs).toBe(2);
  });

  it('runs many keys at once, up to the number of workers', async () => {
    const block = gate();
    let running = 0;
    const queue = createQueue(
      async () => {
        running += 1;
        await block.wait;
        return undefined;
      },
      () => undefined,
      { workers: 3, firstRetry: 1, longestRetry: 1 },
    );
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
    await sleep(5);
    expect(running).toBe(3);
    block.open();
    await sleep(5);
    expect(running).toBe(5);
    await queue.close();
  });

  it('tries again what failed, each key with delays of its own, and tells of it', async () => {
    const failures: string[] = [];
    const runs: Record<string, number> = {};
    const queue = createQueue(
      async (key) => {
        runs[key] = (runs[key] ?? 0) + 1;
        if (key === 'bad') throw new Error('no');
        return undefined;
      },
      (key) => failures.push(key),
      { workers: 2, firstRetry: 5, longestRetry: 1_000 },
    );
    queue.add('bad');
    queue.add('good');
    await sleep(60);
    await queue.close();
    expect(runs['good']).toBe(1);
    expect(failures.length).toBeGreaterThanOrEqual(3);
    expect(failures.length).toBeLessThanOrEqual(5);
  });

  it('comes back after the time that the work asks for; the earliest timer counts', async () => {
    let runs = 0;
    const queue = createQueue(
      async () => {
        runs += 1;
        return runs === 1 ? 10 : undefined;
      },
      () => undefined,
    );
    queue.add('a');
    await sleep(5);
    queue.addAfter('a', 10_000);
    await sleep(30);
    expect(runs).toBe(2);
    await queue.close();
  });

  it('starts nothing after it was closed, and waits for what runs', async () => {
    let done = false;
    const queue = createQueue(
      async () => {
        await sleep(20);
        done = true;
        return 1;
      },
      () => undefined,
    );
    queue.add('a');
    await queue.close();
    expect(done).toBe(true);
    done = false;
    queue.add('a');
    await sleep(30);
    expect(done).toBe(false);
  });
});
