import { numberAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, healthy, progressing, type Verdict } from '../scale.ts';
import { condition, explain } from './conditions.ts';

/** A ReplicaSet is healthy when as many replicas are available as it wants. */
export function replicaSet(object: KubeObject): Verdict {
  const failure = condition(object, 'ReplicaFailure');
  if (failure?.status === 'True') return degraded('ReplicaFailure', explain(failure));
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1;
  const available = numberAt(object, 'status', 'availableReplicas') ?? 0;
  if (numberAt(object, 'status', 'observedGeneration') === undefined) {
    return progressing('NotObserved', 'its controller has not seen it yet');
  }
  if (available < wanted) return progressing('Unavailable', `${available} of ${wanted} replicas are available`);
  return healthy('Available');
}
