import type { KubeObject } from '../../sync/types.ts';
import { condition, explain } from '../kinds/conditions.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, type Verdict } from '../scale.ts';

/**
 * What Cluster API scales says NotAvailable both while it starts and when it never will: that something it is made from does
 * not exist stands in ScalingUp, and a control plane that was there and is not any more has lost it.
 */
export function clusterApi(object: KubeObject, context: HealthContext): Verdict {
  const scaling = condition(object, 'ScalingUp');
  if (scaling?.status === 'True' && scaling.message.includes('does not exist'))
    return degraded('ScalingUpBlocked', explain(scaling));
  const available = condition(object, 'Available');
  const wasThere = condition(object, 'Initialized')?.status === 'True';
  const isRolling = condition(object, 'RollingOut')?.status === 'True';
  if (available?.status === 'False' && wasThere && !isRolling && scaling?.status !== 'True')
    return degraded('Unavailable', explain(available));
  return generic(object, context);
}
