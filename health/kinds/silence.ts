import { at, isObject, objectsAt, textAt } from '../../diff/json.ts';
import { isBuiltIn } from '../../diff/normalize.ts';
import { isDeliveryManager } from '../../sync/stamp.ts';
import type { KubeObject } from '../../sync/types.ts';
import { speaks } from '../custom/speaking.ts';
import { type HealthContext, healthy, progressing, progressingUntil, type Verdict } from '../scale.ts';
import { ourLastApply, tellsGeneration } from './generation.ts';

/** How long a custom object may take before its silence counts as health, in milliseconds. */
const settleTime = 5_000;

/** When an object was written last, as far as that is known: when we did, or when it was made. NaN where neither is. */
export function lastWritten(object: KubeObject): number {
  return Math.max(Date.parse(textAt(object, 'metadata', 'creationTimestamp') ?? ''), ourLastApply(object) ?? 0);
}

/** Some kinds never get a status; a controller that has just not started yet looks the same for a moment. */
export function bySilence(object: KubeObject, { now }: HealthContext): Verdict {
  const status = at(object, 'status');
  if (at(object, 'status', 'observedGeneration') !== undefined) return healthy('Observed');
  if (isObject(status) && Object.keys(status).length > 0) return healthy('NoConditions');
  if (isBuiltIn(object.apiVersion)) return healthy('NoStatus');
  if (speaks(object)) return progressing('NotObserved', 'its controller has not said anything of it yet');
  const end = lastWritten(object) + settleTime;
  return now < end ? progressingUntil(end, 'Settling', 'has no status yet') : healthy('NoStatus');
}

/**
 * A status that does not say which generation it is about may be that of before: what it says of a custom object counts
 * once somebody else has written it since we did, or has let some time pass.
 */
export function onceAnswered(found: Verdict, object: KubeObject, { now }: HealthContext): Verdict {
  if (found.status !== 'Healthy' || isBuiltIn(object.apiVersion) || tellsGeneration(object)) return found;
  const written = ourLastApply(object);
  if (written === undefined || now >= written + settleTime || isAnswered(object, written)) return found;
  const message = 'its status may still be that of before its last change';
  return progressingUntil(written + settleTime, 'Settling', message);
}

function isAnswered(object: KubeObject, written: number): boolean {
  return objectsAt(object, 'metadata', 'managedFields').some(
    ({ manager, time }) => !isDeliveryManager(String(manager)) && Date.parse(String(time)) >= written,
  );
}
