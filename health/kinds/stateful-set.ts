import { numberAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';

/**
 * A StatefulSet is healthy when all its replicas are available and, unless a person rolls it (OnDelete), those at or
 * above the partition are of the new revision. Without a partition that is all of them.
 */
export function statefulSet(object: KubeObject): Verdict {
  if ((numberAt(object, 'status', 'observedGeneration') ?? 0) === 0) {
    return progressing('NotObserved', 'its controller has not seen it yet');
  }
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1;
  const ready = numberAt(object, 'status', 'readyReplicas') ?? 0;
  if (ready < wanted) return progressing('NotReady', `${ready} of ${wanted} replicas are ready`);
  const available = availableOf(object, ready);
  if (available < wanted) return progressing('Unavailable', `${available} of ${wanted} replicas are available`);
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete') return healthy('OnDelete');
  return updateOf(object, wanted);
}

/** Available counts replicas ready for minReadySeconds; without that field ready is as good. */
function availableOf(object: KubeObject, ready: number): number {
  if ((numberAt(object, 'spec', 'minReadySeconds') ?? 0) === 0) return ready;
  return numberAt(object, 'status', 'availableReplicas') ?? 0;
}

/**
 * Replicas of the new revision. On the way back from a rollout that did not end both revisions have one name, and pods of
 * the one in between may still run. Old API versions count neither.
 */
function updatedOf(object: KubeObject, isOneRevision: boolean, wanted: number): number {
  const updated = numberAt(object, 'status', 'updatedReplicas');
  if (!isOneRevision) return updated ?? 0;
  const current = numberAt(object, 'status', 'currentReplicas');
  return updated === undefined && current === undefined ? wanted : Math.max(updated ?? 0, current ?? 0);
}

function updateOf(object: KubeObject, wanted: number): Verdict {
  const partition = numberAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition') ?? 0;
  const current = textAt(object, 'status', 'currentRevision');
  const update = textAt(object, 'status', 'updateRevision');
  const updated = updatedOf(object, current === update, wanted);
  const due = Math.max(0, wanted - partition);
  if (updated < due) return progressing('Updating', `${updated} of ${due} replicas are updated`);
  if (partition > 0) return healthy('Partitioned');
  if (current !== update) return progressing('Updating', 'the new revision is not the current one yet');
  return healthy('Available');
}
