import { describe, expect, it } from 'vitest';
import { progressOf } from '../../../health/progress.ts';

const at = (kind: string, status: Record<string, number>) =>
  progressOf({ apiVersion: 'apps/v1', kind, metadata: { name: 'web' }, status });

describe('the progress of a rollout', () => {
  it('of a Deployment grows with each new pod, and with each of those that is available', () => {
    const steps = [
      { replicas: 3, updatedReplicas: 0, availableReplicas: 3 },
      { replicas: 4, updatedReplicas: 1, availableReplicas: 3 },
      { replicas: 4, updatedReplicas: 1, availableReplicas: 4 },
      { replicas: 4, updatedReplicas: 2, availableReplicas: 3 },
      { replicas: 3, updatedReplicas: 3, availableReplicas: 2 },
      { replicas: 3, updatedReplicas: 3, availableReplicas: 3 },
    ].map((status) => at('Deployment', status));
    expect(steps).toEqual([0, 1, 2, 3, 5, 6]);
  });

  it('of a Deployment whose new pods never serve stands still', () => {
    const crashing = { replicas: 4, updatedReplicas: 1, availableReplicas: 3 };
    expect(at('Deployment', crashing)).toBe(1);
    expect(at('Deployment', { ...crashing, unavailableReplicas: 1 })).toBe(1);
  });

  it.each([
    ['StatefulSet', { replicas: 3, updatedReplicas: 2, availableReplicas: 3 }, 4],
    ['DaemonSet', { currentNumberScheduled: 5, updatedNumberScheduled: 2, numberAvailable: 4 }, 3],
    ['ReplicaSet', { replicas: 2, availableReplicas: 1 }, 3],
    ['Job', { succeeded: 2, active: 1 }, 2],
    ['ConfigMap', {}, 0],
  ])('of a %s', (kind, status, expected) => {
    expect(at(kind, status)).toBe(expected);
  });
});
