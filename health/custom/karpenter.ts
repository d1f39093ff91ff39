import type { KubeObject } from '../../sync/types.ts';
import { condition, degradedBy } from '../kinds/conditions.ts';
import { generic } from '../kinds/generic.ts';
import type { HealthContext, Verdict } from '../scale.ts';

/** Karpenter calls a pool ready whose nodes never come, and a claim unknown that its cloud refuses. */
export function karpenter(object: KubeObject, context: HealthContext): Verdict {
  const launched = condition(object, 'Launched');
  if (launched?.reason === 'LaunchFailed') return degradedBy(launched);
  const registration = condition(object, 'NodeRegistrationHealthy');
  return registration?.status === 'False' ? degradedBy(registration) : generic(object, context);
}
