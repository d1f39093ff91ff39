import { describe, expect, it } from 'vitest';
import type { Live } from '../../../../health/tracked.ts';
import { noteProgress } from '../../../../sync/release/progress.ts';
import { type Entry, emptyRecord } from '../../../../sync/release/record.ts';
import { newSession, type Turn } from '../../../../sync/session.ts';
import type { HealthWord } from '../../../../sync/types.ts';

const deadline = 10_000;
const entry = (name: string): Entry => ({
  key: name,
  ref: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name },
  wave: 0,
  step: 0,
  manifest: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } },
  hash: 'new',
  removed: false,
  touched: true,
  applied: { uid: name, hash: 'new', owned: '', sequence: 1 },
});

/** A wait for two workloads that began at 0; tells when its deadline is after each look. */
function wait() {
  const clocks = { deadline, cap: 100_000, probation: 0, frozen: undefined };
  const session = newSession({
    ...emptyRecord(),
    clocks,
    entries: new Map([
      ['a', entry('a')],
      ['b', entry('b')],
    ]),
  });
  session.waiting = ['Deployment shop/a: 0 of 3 replicas are updated'];
  const seen = new Map<string, Pick<Live, 'progress' | 'health'>>();
  let now = 0;
  const turn = {
    delivery: { uid: 'd', deadline },
    session,
    world: { clock: { steady: () => now }, watcher: { live: (_uid: string, key: string) => seen.get(key) } },
  } as unknown as Turn;
  return (time: number, key: string, progress: number, status: HealthWord = 'Progressing'): number => {
    now = time;
    seen.set(key, { progress, health: { status, reason: 'X', message: 'x' } });
    noteProgress(turn);
    return session.record.clocks.deadline;
  };
}

describe('the deadline of a wait', () => {
  it('starts again with each pod that comes on, of any workload, and with what gets well', () => {
    const at = wait();
    expect(at(1_000, 'a', 0)).toBe(10_000);
    expect(at(2_000, 'b', 0)).toBe(10_000);
    expect(at(3_000, 'a', 1)).toBe(13_000);
    expect(at(4_000, 'b', 1)).toBe(14_000);
    expect(at(5_000, 'b', 1, 'Healthy')).toBe(15_000);
  });

  it('does not start again by what goes back and forth, or says something new', () => {
    const at = wait();
    at(1_000, 'a', 0);
    expect(at(2_000, 'a', 2)).toBe(12_000);
    expect(at(3_000, 'a', 1)).toBe(12_000);
    expect(at(4_000, 'a', 2)).toBe(12_000);
    expect(at(5_000, 'a', 2, 'Degraded')).toBe(12_000);
    expect(at(6_000, 'a', 2, 'Progressing')).toBe(12_000);
    expect(at(7_000, 'a', 3)).toBe(17_000);
  });

  it('is not moved by the first look after a restart', () => {
    const at = wait();
    expect(at(9_000, 'a', 5)).toBe(10_000);
  });
});
