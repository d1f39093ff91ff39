import type { KubeObject } from '../../sync/types.ts';
import { condition, explain } from '../kinds/conditions.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, type Verdict } from '../scale.ts';

/** A cert-manager CertificateRequest says Pending also of an issuer that does not exist: only the message tells. */
export function certificateRequest(object: KubeObject, context: HealthContext): Verdict {
  const ready = condition(object, 'Ready');
  const isLost = ready?.reason === 'Pending' && ready.message.includes('not found');
  return ready !== undefined && isLost ? degraded('IssuerNotFound', explain(ready)) : generic(object, context);
}
