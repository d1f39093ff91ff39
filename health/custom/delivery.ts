import { textAt } from '../../diff/json.ts';
import { isDelivery } from '../../sync/children.ts';
import type { KubeObject } from '../../sync/types.ts';
import { condition } from '../kinds/conditions.ts';
import { degraded, progressing, suspended, type Verdict } from '../scale.ts';

/** What a Delivery waits for that no time brings by itself. */
const waits = new Set(['AwaitingApproval', 'AwaitingSync', 'OutsideWindow', 'DependencyNotReady', 'Paused']);
/** States in which something has failed, whatever is live: what was asked for last is not. */
const failures = new Set(['Held', 'Degraded', 'Failing', 'RollingBack', 'RollbackVerifying']);

/**
 * A Delivery, as another one holds it, where its conditions say less: it goes on reconciling while it rolls back, and is
 * stalled while it waits for people.
 */
export function deliveryWord(object: KubeObject): Verdict | undefined {
  if (!isDelivery(object)) return undefined;
  const ready = condition(object, 'Ready');
  if (ready === undefined) return progressing('NotObserved', 'its agent has not seen it yet');
  if (ready.status === 'True') return undefined;
  const { reason, message } = ready;
  if (waits.has(reason)) return suspended(reason, message);
  return failures.has(textAt(object, 'status', 'state') ?? '') ? degraded(reason, message) : undefined;
}
