import { numberAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';

/** A DaemonSet is healthy when every node that should run it runs the new template, and it is available there. */
export function daemonSet(object: KubeObject): Verdict {
  const desired = numberAt(object, 'status', 'desiredNumberScheduled');
  if (desired === undefined || numberAt(object, 'status', 'observedGeneration') === undefined) {
    return progressing('NotObserved', 'its controller has not seen it yet');
  }
  const onDelete = textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete';
  const updated = numberAt(object, 'status', 'updatedNumberScheduled') ?? 0;
  if (!onDelete && updated < desired) return progressing('Updating', `${updated} of ${desired} nodes are updated`);
  const available = numberAt(object, 'status', 'numberAvailable') ?? 0;
  if (available < desired) return progressing('Unavailable', `available on ${available} of ${desired} nodes`);
  return healthy(onDelete ? 'OnDelete' : 'Available');
}
