import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, type Verdict } from '../scale.ts';

/** A KServe InferenceService: that its model can't be loaded stands beside conditions that only say that it is not ready. */
export function inferenceService(object: KubeObject, context: HealthContext): Verdict {
  const transition = textAt(object, 'status', 'modelStatus', 'transitionStatus') ?? '';
  const found = generic(object, context);
  if (!['BlockedByFailedLoad', 'InvalidSpec'].includes(transition) || found.status === 'Degraded') return found;
  const failure = ['reason', 'message'].map((key) => textAt(object, 'status', 'modelStatus', 'lastFailureInfo', key));
  return degraded(transition, failure.filter((one) => one !== undefined).join(': ') || `is ${transition}`);
}
