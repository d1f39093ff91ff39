import { describe, expect, it } from 'vitest';
import { healthOf } from '../../../health/rules.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { now } from './support/cases.ts';

const made = '2026-01-01T23:59:59Z';
const young = { name: 'it', namespace: 'shop', creationTimestamp: made };

function make(apiVersion: string, kind: string, parts: object): KubeObject {
  return { apiVersion, kind, metadata: young, ...parts } as unknown as KubeObject;
}

describe('health that time alone changes', () => {
  const unschedulable = {
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
  };
  const blind = { type: 'ScalingActive', status: 'False', reason: 'FailedGetResourceMetric', lastTransitionTime: made };
  const hpa = { conditions: [{ type: 'AbleToScale', status: 'True', reason: 'SucceededGetScale' }, blind] };

  it.each([
    ['a custom object without a status', make('example.com/v1', 'Widget', {}), 5_000, 'Healthy'],
    ['an Ingress without an address', make('networking.k8s.io/v1', 'Ingress', { status: {} }), 60_000, 'Healthy'],
    ['a pod that no node takes', make('v1', 'Pod', { status: unschedulable }), 60_001, 'Degraded'],
    [
      'an autoscaler whose pods have no metrics yet',
      make('autoscaling/v2', 'HorizontalPodAutoscaler', { status: hpa }),
      300_000,
      'Degraded',
    ],
  ])('gives %s its time, says until when, and then has its word', (_title, object, patience, after) => {
    const end = Date.parse(made) + patience;
    expect(healthOf(object, { now })).toMatchObject({ status: 'Progressing', until: end });
    expect(healthOf(object, { now: end - 1 }).status).toBe('Progressing');
    const late = healthOf(object, { now: end });
    expect(late.status).toBe(after);
    expect(late.until).toBeUndefined();
  });

  it('gives a custom object that was changed time to be seen, and others none', () => {
    const written = (time: string, manager = 'lockstep-0123456789ab') => ({
      name: 'it',
      namespace: 'shop',
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [{ manager, operation: 'Apply', time }],
    });
    const reason = (apiVersion: string, metadata: object): string =>
      healthOf({ apiVersion, kind: 'Widget', metadata } as unknown as KubeObject, { now }).reason;
    const [just, before] = ['2026-01-01T23:59:58Z', '2026-01-01T23:59:50Z'];
    expect(reason('example.com/v1', written(just))).toBe('Settling');
    expect(reason('example.com/v1', written(before))).toBe('NoStatus');
    expect(reason('example.com/v1', written(just, 'its-controller'))).toBe('NoStatus');
    expect(reason('v1', written(just))).toBe('NoStatus');
  });

  it.each([
    ['WaitForFirstConsumer', undefined, 'Healthy', 'WaitForFirstConsumer'],
    ['WaitForFirstConsumer', 'node-1', 'Progressing', 'Pending'],
    ['Immediate', undefined, 'Progressing', 'Pending'],
    ['NotFound', undefined, 'Degraded', 'StorageClassNotFound'],
  ] as const)('tells a claim of a class that is %s, wanted by a pod on %s, as %s', (mode, node, status, reason) => {
    const annotations = node === undefined ? {} : { 'volume.kubernetes.io/selected-node': node };
    const claim = make('v1', 'PersistentVolumeClaim', {
      metadata: { ...young, annotations },
      spec: { storageClassName: 'fast' },
      status: { phase: 'Pending' },
    });
    const found = healthOf(claim, { now, bindingMode: () => mode });
    expect(found).toMatchObject({ status, reason });
    // Classes come and go without any event about the claim.
    expect(found.until === undefined).toBe(status === 'Healthy');
  });

  it('takes no status that may be of before for one of now: not until somebody has answered, or had the time to', () => {
    const ours = { manager: 'lockstep-0123456789ab', operation: 'Apply', time: '2026-01-01T23:59:58Z' };
    const answer = (time: string) => ({ manager: 'widgets', operation: 'Update', subresource: 'status', time });
    const widget = (status: object, ...managedFields: object[]): KubeObject =>
      make('example.com/v1', 'Widget', { metadata: { ...young, generation: 2, managedFields }, status });
    const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
    const reason = (object: KubeObject) => healthOf(object, { now }).reason;
    expect(healthOf(widget(ready, ours), { now })).toMatchObject({ reason: 'Settling', until: now + 3_000 });
    expect(healthOf(widget(ready, ours), { now: now + 3_000 }).reason).toBe('Ready');
    expect(reason(widget(ready, ours, answer('2026-01-01T12:00:00Z')))).toBe('Settling');
    expect(reason(widget(ready, ours, answer('2026-01-01T23:59:58Z')))).toBe('Ready');
    // It says itself what it is about.
    expect(reason(widget({ ...ready, observedGeneration: 2 }, ours))).toBe('Ready');
    // Bad news is believed at once.
    expect(reason(widget({ phase: 'Failed' }, ours))).toBe('Failed');
    expect(reason(make('v1', 'Service', { metadata: { ...young, managedFields: [ours] } }))).toBe('Healthy');
  });

  it('holds no run against a CronJob that was changed after it', () => {
    const cronJob = (time: string): KubeObject =>
      ({
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata: {
          ...young,
          creationTimestamp: '2026-01-01T00:00:00Z',
          managedFields: [{ manager: 'lockstep-0123456789ab', operation: 'Apply', time }],
        },
        status: { lastScheduleTime: '2026-01-01T12:00:00Z' },
      }) as unknown as KubeObject;
    expect(healthOf(cronJob('2026-01-01T11:00:00Z'), { now }).reason).toBe('LastRunFailed');
    expect(healthOf(cronJob('2026-01-01T13:00:00Z'), { now })).toMatchObject({
      status: 'Healthy',
      reason: 'NotRunYet',
      message: expect.stringContaining('the run of 2026-01-01T12:00:00Z did not succeed'),
    });
  });
});
