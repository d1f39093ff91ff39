import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { generic } from '../kinds/generic.ts';
import { type HealthContext, healthy, type Verdict } from '../scale.ts';

/** A CDI DataVolume that waits for its first consumer is as far as it comes by itself, as a claim of that kind is. */
export function dataVolume(object: KubeObject, context: HealthContext): Verdict {
  const isWaiting = textAt(object, 'status', 'phase') === 'WaitForFirstConsumer';
  return isWaiting ? healthy('WaitForFirstConsumer') : generic(object, context);
}
