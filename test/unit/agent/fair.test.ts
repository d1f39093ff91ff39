import { describe, expect, it } from 'vitest';
import { fairly } from '../../../agent/queue/fair.ts';
import type { Hint } from '../../../agent/queue/queue.ts';

describe('turns that may have to wait', () => {
  it('are no more than some at once, keep their hints, and hold up nobody else', async () => {
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const work = fairly(
      async (key, hints) => {
        begun.push([key, ...hints].join(' '));
        if (key.startsWith('far')) await new Promise<void>((resolve) => ends.push(resolve));
        return 5_000;
      },
      (key) => (key.startsWith('far') ? key.slice(0, 5) : undefined),
      { inAll: 2, ofOne: 1 },
    );
    const none: ReadonlySet<Hint> = new Set();
    const first = work('far-1', none);
    void work('far-2', none);
    expect(await work('far-3', new Set<Hint>(['source']))).toBeLessThan(1_000);
    expect(await work('near', none)).toBe(5_000);
    expect(begun).toEqual(['far-1', 'far-2', 'near']);
    ends[0]?.();
    expect(await first).toBe(5_000);
    void work('far-3', none);
    expect(begun.at(-1)).toBe('far-3 source');
  });
});
