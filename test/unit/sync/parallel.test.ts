import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inParallel } from '../../../sync/parallel.ts';

describe('in parallel', () => {
  it('no more run at once than allowed, and answers keep their order', async () => {
    let running = 0;
    let most = 0;
    const answers = await inParallel([30, 5, 20, 1], 2, async (time) => {
      running += 1;
      most = Math.max(most, running);
      await sleep(time);
      running -= 1;
      return time * 2;
    });
    expect(answers).toEqual([60, 10, 40, 2]);
    expect(most).toBe(2);
  });

  it('a failure begins nothing more, and is told when what was begun has ended', async () => {
    const ended: number[] = [];
    const run = inParallel([1, 2, 3, 4], 2, async (item) => {
      if (item === 1) throw new Error('one');
      await sleep(30);
      ended.push(item);
    });
    await expect(run).rejects.toThrow('one');
    expect(ended).toEqual([2]);
    await sleep(50);
    expect(ended).toEqual([2]);
  });
});
