import { expect, it } from 'vitest';
import { quietWhenRenamed } from '../../../agent/quiet.ts';
import type { DeliveryStatus } from '../../../sync/delivery/status-schema.ts';
import { emptyRecord } from '../../../sync/release/record.ts';
import { newSession } from '../../../sync/session.ts';

const condition = {
  type: 'Ready',
  status: 'True',
  reason: 'Synced',
  lastTransitionTime: '',
  observedGeneration: 1,
} as const;

function told(revision: string, more: Partial<DeliveryStatus> = {}): DeliveryStatus {
  return {
    state: 'Synced',
    sequence: 1,
    revision: { tip: revision, target: revision, good: revision },
    conditions: [{ ...condition, message: `release 1: ${revision}` }],
    ...more,
  };
}

it('a new name for what is live is told half a second after the first of them', () => {
  const session = newSession(emptyRecord());
  expect(quietWhenRenamed(session, told('a'), told('b'), 1_000)).toBe(500);
  expect(quietWhenRenamed(session, told('a'), told('c'), 1_400)).toBe(100);
  expect(quietWhenRenamed(session, told('a'), told('c'), 1_500)).toBeLessThanOrEqual(0);
  // A clock that was set back makes nothing later.
  expect(quietWhenRenamed(session, told('a'), told('c'), 1_550)).toBe(500);
  expect(quietWhenRenamed(session, told('a'), told('c'), 900)).toBe(0);
  // The next one waits anew.
  expect(quietWhenRenamed(session, told('c'), told('d'), 1_600)).toBe(500);
});

it.each<[string, DeliveryStatus]>([
  ['the same name', told('a')],
  ['another release', told('b', { sequence: 2 })],
  ['another state', told('b', { state: 'Applying' })],
  ['what is unwell', told('b', { conditions: [{ ...condition, status: 'False', message: '' }] })],
  ['a request that is done', told('b', { lastRequest: 'sync@1' })],
])('%s is told at once', (_what, status) => {
  expect(quietWhenRenamed(newSession(emptyRecord()), told('a'), status, 1_000)).toBe(0);
});
