import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../sync/ports.ts';

/** A difference between wall time and the monotonic clock that is no drift: somebody set the clock, or the machine slept. */
const jump = 30_000;

/**
 * The time. Deadlines are stored as wall time, so that they survive a restart, but measured monotonically: a clock that is
 * set fails nothing.
 * @param onJump told by how many milliseconds wall time jumped
 */
export function createClock(onJump: (milliseconds: number) => void): Clock {
  let offset = Date.now() - performance.now();
  let jumps = 0;
  return {
    now: Date.now,
    steady: () => {
      const wall = Date.now();
      const shift = wall - performance.now() - offset;
      if (Math.abs(shift) > jump) {
        jumps += shift;
        offset += shift;
        onJump(shift);
      }
      return wall - jumps;
    },
    sleep: (milliseconds) => sleep(milliseconds),
  };
}
