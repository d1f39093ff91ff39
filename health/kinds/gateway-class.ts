import type { KubeObject } from '../../sync/types.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';
import { condition, degradedBy, progressingBy } from './conditions.ts';

/** A GatewayClass is healthy once its controller accepts it. */
export function gatewayClass(object: KubeObject): Verdict {
  const accepted = condition(object, 'Accepted');
  if (accepted === undefined) return progressing('Waiting', 'no controller has taken it yet');
  if (accepted.status === 'True') return healthy('Accepted');
  return accepted.status === 'False' && accepted.reason !== 'Pending' && accepted.reason !== 'Waiting'
    ? degradedBy(accepted)
    : progressingBy(accepted);
}
