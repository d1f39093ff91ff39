import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, type HealthContext, healthy, progressing, type Verdict } from '../scale.ts';

/** Set by the scheduler when a pod wants the claim. */
const consumer = 'volume.kubernetes.io/selected-node';

/** How long what is known of classes holds at most, in milliseconds. */
const freshness = 1_000;

/**
 * A claim is healthy when it is bound; a lost one will not come back. A class that waits for the first consumer binds
 * nothing before a pod wants it: to wait for that here would wait for ever when the pod comes in a later wave.
 */
export function persistentVolumeClaim(object: KubeObject, context: HealthContext): Verdict {
  const found = byPhase(object, context);
  // Classes are asked for now and then, and are made without any event about the claim.
  return found.status === 'Healthy' ? found : { ...found, until: context.now + freshness };
}

function byPhase(object: KubeObject, context: HealthContext): Verdict {
  const phase = textAt(object, 'status', 'phase');
  if (phase === 'Bound') return healthy('Bound');
  if (phase === 'Lost') return degraded('Lost', 'its volume is lost');
  const storageClass = textAt(object, 'spec', 'storageClassName') ?? '';
  const mode = context.bindingMode?.(storageClass);
  const isWanted = textAt(object, 'metadata', 'annotations', consumer) !== undefined;
  if (mode === 'WaitForFirstConsumer' && !isWanted) return healthy('WaitForFirstConsumer', 'waits for its first pod');
  // A volume made by hand may still be of a class that does not exist: a release fails by this only when it lasts.
  if (mode === 'NotFound' && storageClass !== '')
    return degraded('StorageClassNotFound', `is not bound to a volume: there is no StorageClass ${storageClass}`);
  return progressing('Pending', 'is not bound to a volume yet');
}
