import { objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { type HealthContext, healthy, progressingUntil, type Verdict } from '../scale.ts';

/** How long an Ingress may go without an address before that is taken as its controller's way, in milliseconds. */
const patience = 60_000;

/** Many ingress controllers never publish an address, so the wait for one is bounded. */
export function ingress(object: KubeObject, { now }: HealthContext): Verdict {
  if (objectsAt(object, 'status', 'loadBalancer', 'ingress').length > 0) return healthy('AddressAssigned');
  const end = Date.parse(textAt(object, 'metadata', 'creationTimestamp') ?? '') + patience;
  if (now < end) return progressingUntil(end, 'NoAddress', 'has no address yet');
  return healthy('NoAddress', 'its controller publishes no address');
}
