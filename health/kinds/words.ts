import { objectsAt, textAt } from '../../diff/json.ts';
import type { Health, KubeObject } from '../../sync/types.ts';
import { type HealthContext, healthy, progressing } from '../scale.ts';
import { condition, explain } from './conditions.ts';

/** Kinds that work as soon as they exist. */
export function always(): Health {
  return healthy();
}

/** A Namespace is usable while it is Active. */
export function namespace(object: KubeObject): Health {
  if (textAt(object, 'status', 'phase') === 'Terminating') return progressing('Terminating', 'is being deleted');
  return healthy();
}

/** How long an Ingress may go without an address before that is taken as its controller's way. */
const ingressPatience = 60_000;

/** Many ingress controllers never publish an address, so the wait for one is bounded. */
export function ingress(object: KubeObject, context: HealthContext): Health {
  if (objectsAt(object, 'status', 'loadBalancer', 'ingress').length > 0) return healthy();
  const created = Date.parse(textAt(object, 'metadata', 'creationTimestamp') ?? '');
  if (context.now - created < ingressPatience) return progressing('NoAddress', 'has no address yet');
  return healthy('NoAddress', 'its controller publishes no address');
}

/** An APIService is healthy while the API server can reach what serves it. */
export function apiService(object: KubeObject): Health {
  const available = condition(object, 'Available');
  if (available?.status === 'True') return healthy();
  return progressing('Unavailable', available === undefined ? 'is not available yet' : explain(available));
}
