import type { KubeObject } from '../../sync/types.ts';
import { degraded, healthy, progressing, type Verdict } from '../scale.ts';
import { condition, explain } from './conditions.ts';

/** A budget is healthy when it is computed, also when it allows no disruption now; one that can't be computed guards nothing. */
export function podDisruptionBudget(object: KubeObject): Verdict {
  const allowed = condition(object, 'DisruptionAllowed');
  if (allowed === undefined) return progressing('NotObserved', 'its controller has not seen it yet');
  if (allowed.reason === 'SyncFailed') return degraded('SyncFailed', explain(allowed));
  return healthy(allowed.reason || 'SufficientPods');
}
