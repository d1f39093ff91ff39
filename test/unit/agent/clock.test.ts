import { afterEach, describe, expect, it, vi } from 'vitest';
import { createClock } from '../../../agent/clock.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('the clock', () => {
  it('measures deadlines by what passed, however wall time is set', () => {
    vi.useFakeTimers({ now: 1_000_000, toFake: ['Date', 'performance'] });
    const jumps: number[] = [];
    const clock = createClock((milliseconds) => jumps.push(milliseconds));
    const start = clock.steady();
    vi.advanceTimersByTime(5_000);
    expect(clock.steady() - start).toBe(5_000);
    // Somebody sets the clock by an hour, and back again.
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(clock.steady() - start).toBe(5_000);
    expect(clock.now()).toBe(1_000_000 + 5_000 + 3_600_000);
    vi.advanceTimersByTime(2_000);
    expect(clock.steady() - start).toBe(7_000);
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(1_000);
    expect(clock.steady() - start).toBe(8_000);
    expect(jumps).toEqual([3_600_000, -3_600_000]);
  });

  it('follows small corrections of wall time without a word', () => {
    vi.useFakeTimers({ now: 1_000_000, toFake: ['Date', 'performance'] });
    const jumps: number[] = [];
    const clock = createClock((milliseconds) => jumps.push(milliseconds));
    const start = clock.steady();
    vi.setSystemTime(Date.now() + 2_000);
    expect(clock.steady() - start).toBe(2_000);
    expect(jumps).toEqual([]);
  });
});
