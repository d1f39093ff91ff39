import { at, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, type Verdict } from '../scale.ts';

/** An ACME Challenge that can't be presented is pending for ever: its reason says why, and that it is not presented. */
export function acmeChallenge(object: KubeObject, context: HealthContext): Verdict {
  const reason = textAt(object, 'status', 'reason') ?? '';
  const isPending = textAt(object, 'status', 'state') === 'pending';
  const isStuck = isPending && at(object, 'status', 'presented') === false && reason !== '';
  return isStuck ? degraded('NotPresented', reason) : generic(object, context);
}
