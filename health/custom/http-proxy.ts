import { objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { certificatePatience } from '../kinds/gateway.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, progressing, progressingUntil, type Verdict } from '../scale.ts';

/** A Contour HTTPProxy: what is wrong stands in a list inside its condition. */
export function httpProxy(object: KubeObject, context: HealthContext): Verdict {
  const valid = objectsAt(object, 'status', 'conditions').find((one) => one['type'] === 'Valid');
  const [error] = valid === undefined ? [] : objectsAt(valid, 'errors');
  const end = Date.parse(textAt(valid, 'lastTransitionTime') ?? '') + certificatePatience;
  if (error !== undefined && textAt(error, 'reason') === 'SecretNotValid' && context.now < end)
    return progressingUntil(end, 'SecretNotValid', textAt(error, 'message') ?? 'waits for its certificate');
  if (error !== undefined)
    return degraded(textAt(error, 'reason') ?? 'ErrorPresent', textAt(error, 'message') ?? 'has errors');
  const word = textAt(object, 'status', 'currentStatus');
  return word === 'NotReconciled' ? progressing(word, 'waits for its controller') : generic(object, context);
}
