import { describe, expect, it } from 'vitest';
import { isSuspect, question, see, seeLast, track } from '../../../health/tracked.ts';
import type { Entry } from '../../../sync/release/record.ts';
import type { KubeObject } from '../../../sync/types.ts';

const context = { now: Date.now(), bindingMode: () => undefined };

function job(options: { condition?: string; leaving?: boolean; uid?: string }): KubeObject {
  const { condition, leaving = false, uid = 'u1' } = options;
  const conditions = condition === undefined ? [] : [{ type: condition, status: 'True' }];
  const deletionTimestamp = leaving ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
  const object: unknown = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migration', namespace: 'shop', uid, resourceVersion: '1', ...deletionTimestamp },
    spec: { completions: 1, ttlSecondsAfterFinished: 1 },
    status: { conditions },
  };
  return object as KubeObject;
}

const manifest = job({});
const entry: Entry = {
  key: 'batch/Job/shop/migration',
  ref: { apiVersion: 'batch/v1', kind: 'Job', namespace: 'shop', name: 'migration' },
  wave: 0,
  step: 0,
  manifest,
  hash: 'h',
  removed: false,
  applied: { uid: 'u1', hash: 'h', owned: '', sequence: 1 },
};

describe('what is known of a Job', () => {
  it.each([
    ['Complete', 'Complete'],
    ['Failed', 'JobFailed'],
  ])('that ended with %s outlasts its way out and its end', (condition, end) => {
    const tracked = track(entry, 'watch', undefined);
    see(tracked, job({ condition }), 'lockstep-x', context);
    expect(tracked.ended).toBe(end);
    see(tracked, job({ condition, leaving: true }), 'lockstep-x', context);
    expect(tracked.ended).toBe(end);
    question(tracked);
    expect(tracked.ended).toBe(end);
    expect(isSuspect(tracked)).toBe(true);
  });

  it('does not outlast a Job of the same name that comes after it', () => {
    const tracked = track(entry, 'watch', undefined);
    see(tracked, job({ condition: 'Complete' }), 'lockstep-x', context);
    see(tracked, job({ uid: 'u2' }), 'lockstep-x', context);
    expect(tracked.ended).toBeUndefined();
    see(tracked, job({ uid: 'u2', leaving: true }), 'lockstep-x', context);
    expect(tracked.ended).toBeUndefined();
  });

  it('is read from the last state that a watch tells of', () => {
    const tracked = track(entry, 'watch', undefined);
    see(tracked, job({}), 'lockstep-x', context);
    seeLast(tracked, job({ condition: 'Complete', leaving: true }), context);
    expect(tracked.ended).toBe('Complete');
  });
});
