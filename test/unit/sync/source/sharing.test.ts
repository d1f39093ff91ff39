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

  it('shares what was asked for lately, where that will do', async () => {
    let now = 0;
    let asked = 0;
    const share = sharing<number>(() => now);
    const ask = async () => {
      asked += 1;
      return asked;
    };
    expect(await share('tip', ask)).toBe(1);
    now = 100;
    expect(await share('tip', ask, 100)).toBe(1);
    expect(await share('tip', ask, 99)).toBe(2);
    expect(await share('tip', ask)).toBe(3);
    now = 31_000;
    // What nobody may want any more is not kept.
    expect(await share('else', ask)).toBe(4);
    expect(await share('tip', ask, 60_000)).toBe(5);
    await expect(share('bad', () => Promise.reject(new Error('away')), 50)).rejects.toThrow('away');
    expect(await share('bad', ask, 50)).toBe(6);
  });

  it('keeps no answer without a clock', async () => {
    const share = sharing<number>();
    await share('tip', async () => 1);
    expect(await share('tip', async () => 2, 1_000)).toBe(2);
  });

  it('does not share what failed', async () => {
    const share = sharing<number>();
    const failing = share('tip', () => Promise.reject(new Error('away')));
    const next = share('tip', async () => 2);
    await expect(failing).rejects.toThrow('away');
    expect(await next).toBe(2);
  });
});
