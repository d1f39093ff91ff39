import { objectsAt } from '../diff/json.ts';
import { parts } from './options.ts';
import { deliveryLabel, foreignOwner, isAppliedBy, ownerAnnotation } from './stamp.ts';
import { annotation, groupOf, type KubeObject, label } from './types.ts';

/** Objects that Kubernetes itself puts into namespaces. */
const made: ReadonlySet<string> = new Set([
  '/ServiceAccount/default',
  '/ConfigMap/kube-root-ca.crt',
  '/Service/kubernetes',
]);

/** Kinds of which nobody keeps objects in Git: notes, locks, and what controllers make beside what they look after. */
const passing: ReadonlySet<string> = new Set([
  '/Event',
  'events.k8s.io/Event',
  'coordination.k8s.io/Lease',
  '/Endpoints',
  'discovery.k8s.io/EndpointSlice',
  'metrics.k8s.io/PodMetrics',
  'cilium.io/CiliumEndpoint',
  'lockstep.dev/Delivery',
]);

/**
 * Why an object of a namespace is nobody's as far as Git goes; undefined for what is managed, what something else made or
 * owns, what Kubernetes itself puts there, and what says that it does not count.
 * @param deliveries the short uids of all Deliveries; undefined where they can't be known
 */
export function orphanReason(object: KubeObject, deliveries: ReadonlySet<string> | undefined): string | undefined {
  const kind = `${groupOf(object.apiVersion)}/${object.kind}`;
  if (passing.has(kind) || made.has(`${kind}/${object.metadata.name}`)) return undefined;
  if (objectsAt(object, 'metadata', 'ownerReferences').length > 0 || isExempt(object)) return undefined;
  const stamp = label(object, deliveryLabel);
  if (stamp !== undefined && isAppliedBy(object, stamp)) {
    if (deliveries === undefined || deliveries.has(stamp)) return undefined;
    return `of the Delivery ${annotation(object, ownerAnnotation) ?? stamp}, which is not in this cluster`;
  }
  const owner = foreignOwner(object, '');
  return owner === undefined ? 'in no Delivery' : `in no Delivery; belongs to ${owner}`;
}

/** Argo CD's word for it counts. */
function isExempt(object: KubeObject): boolean {
  return parts(annotation(object, 'argocd.argoproj.io/compare-options')).includes('IgnoreExtraneous');
}
