import { describe, expect, it } from 'vitest';
import { sharing } from '../../../../sync/source/sharing.ts';

describe('who asks the same', () => {
  it('shares one answer, but never one that was asked for before', async () => {
    const share = sharing<number>();
    const answers: ((value: number) => void)[] = [];
    const ask = () => new Promise<number>((resolve) => answers.push(resolve));
    const first = share('tip', ask);
    const [second, third] = [share('tip', ask), share('tip', ask)];
    const other = share('else', ask);
    expect(answers).toHaveLength(2);
    answers[0]?.(1);
    answers[1]?.(10);
    expect([await first, await other]).toEqual([1, 10]);
    expect(answers).toHaveLength(3);
    answers[2]?.(2);
    expect([await second, await third]).toEqual([2, 2]);
    const fresh = share('tip', ask);
    answers[3]?.(3);
    expect(await fresh).toBe(3);
  });

  it('does not share what failed', async () => {
    const share = sharing<number>();
    const failing = share('tip', () => Promise.reject(new Error('away')));
    const next = share('tip', async () => 2);
    await expect(failing).rejects.toThrow('away');
    expect(await next).toBe(2);
  });
});
