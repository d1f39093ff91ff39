import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { generic } from '../kinds/generic.ts';
import { type HealthContext, progressing, type Verdict } from '../scale.ts';

/** An ACME Order is not done when it is `ready`: then it is only ready to be finalized. */
export function acmeOrder(object: KubeObject, context: HealthContext): Verdict {
  const isReady = textAt(object, 'status', 'state') === 'ready';
  return isReady ? progressing('ready', 'is to be finalized') : generic(object, context);
}
