import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { condition, degradedBy, explain } from '../kinds/conditions.ts';
import { degraded, type HealthContext, healthy, progressing, type Verdict } from '../scale.ts';

/** A Longhorn Volume: a replica that is rebuilt is on its way; none left, none that finds room or a lost backup are not. */
export function longhornVolume(object: KubeObject, _context: HealthContext): Verdict {
  const scheduled = condition(object, 'Scheduled');
  if (scheduled?.status === 'False') return degradedBy(scheduled);
  const restore = condition(object, 'Restore');
  if (restore?.status === 'False' && restore.reason !== '') return degraded(restore.reason, explain(restore));
  switch (textAt(object, 'status', 'robustness')) {
    case 'faulted':
      return degraded('Faulted', 'is faulted: it has no usable replica');
    case 'degraded':
      return progressing('Rebuilding', 'is degraded: a replica is being rebuilt');
    default:
  }
  const state = textAt(object, 'status', 'state') ?? '';
  if (state === 'attached' || state === 'detached') return healthy(state);
  return progressing(state || 'NotObserved', state === '' ? 'was not seen yet' : `is ${state}`);
}
