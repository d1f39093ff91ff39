import { objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, progressing, type Verdict } from '../scale.ts';

/** How long it may wait for its certificate, in milliseconds: whoever issues it may need the proxy for that. */
const certificatePatience = 300_000;

/** A Contour HTTPProxy: what is wrong stands in a list inside its condition. */
export function httpProxy(object: KubeObject, context: HealthContext): Verdict {
  const valid = objectsAt(object, 'status', 'conditions').find((one) => one['type'] === 'Valid');
  const [error] = valid === undefined ? [] : objectsAt(valid, 'errors');
  const end = Date.parse(textAt(valid, 'lastTransitionTime') ?? '') + certificatePatience;
  if (error !== undefined && textAt(error, 'reason') === 'SecretNotValid' && context.now < end)
    return { ...progressing('SecretNotValid', textAt(error, 'message') ?? 'waits for its certificate'), until: end };
  if (error !== undefined)
    return degraded(textAt(error, 'reason') ?? 'ErrorPresent', textAt(error, 'message') ?? 'has errors');
  const word = textAt(object, 'status', 'currentStatus');
  return word === 'NotReconciled' ? progressing(word, 'waits for its controller') : generic(object, context);
}
