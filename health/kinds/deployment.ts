import { at, numberAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, healthy, progressing, suspended, type Verdict } from '../scale.ts';
import { condition, explain } from './conditions.ts';

/**
 * A Deployment is healthy when every replica is of the new template and available, and no old one is left.
 * A failed ReplicaSet counts even while old pods serve: the rollout can't go on.
 */
export function deployment(object: KubeObject): Verdict {
  const failure = condition(object, 'ReplicaFailure');
  if (failure?.status === 'True') return degraded('ReplicaFailure', explain(failure));
  if (at(object, 'spec', 'paused') === true) return suspended('Paused', 'the rollout is paused');
  const progress = condition(object, 'Progressing');
  if (progress?.status === 'False' && progress.reason === 'ProgressDeadlineExceeded') {
    return degraded('ProgressDeadlineExceeded', explain(progress));
  }
  if (at(object, 'status', 'observedGeneration') === undefined) {
    return progressing('NotObserved', 'its controller has not seen it yet');
  }
  return rollout(object);
}

function rollout(object: KubeObject): Verdict {
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1;
  const count = (field: string): number => numberAt(object, 'status', field) ?? 0;
  const updated = count('updatedReplicas');
  if (updated < wanted) return progressing('Updating', `${updated} of ${wanted} replicas are updated`);
  if (count('replicas') > updated) {
    return progressing('OldReplicas', `${count('replicas') - updated} old replicas are still there`);
  }
  const available = Math.min(count('availableReplicas'), updated);
  if (available < wanted) return progressing('Unavailable', `${available} of ${wanted} replicas are available`);
  return healthy('Available');
}
