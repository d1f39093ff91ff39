import { numberAt } from '../diff/json.ts';
import type { KubeObject } from '../sync/types.ts';

/**
 * How far a workload has come, as a number that grows with each pod that is of the new revision and with each of those
 * that is available; 0 for what has no pods. Only that is progress: a pod that crashes again and again says something new
 * each time and gets nowhere.
 */
export function progressOf(object: KubeObject): number {
  const count = (field: string): number => numberAt(object, 'status', field) ?? 0;
  switch (object.kind) {
    case 'Deployment':
    case 'StatefulSet':
      return rolled(count('replicas'), count('updatedReplicas'), count('availableReplicas'));
    case 'DaemonSet':
      return rolled(count('currentNumberScheduled'), count('updatedNumberScheduled'), count('numberAvailable'));
    case 'ReplicaSet':
      return count('replicas') + count('availableReplicas');
    case 'Job':
      return count('succeeded');
    default:
      return 0;
  }
}

/** Of those available the old ones, as many as there are, are taken off. */
function rolled(all: number, updated: number, available: number): number {
  return updated + Math.max(0, available - Math.max(0, all - updated));
}
