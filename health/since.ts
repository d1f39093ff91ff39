import { objectsAt, textAt } from '../diff/json.ts';
import type { KubeObject } from '../sync/types.ts';

/**
 * Since when an object is as it is, as far as it says so itself: the last change of one of its conditions, or its making.
 * Wall time in milliseconds; undefined where it says neither.
 */
export function sinceOf(object: KubeObject): number | undefined {
  const changes = objectsAt(object, 'status', 'conditions').map((one) => textAt(one, 'lastTransitionTime'));
  const times = [textAt(object, 'metadata', 'creationTimestamp'), ...changes]
    .map((time) => Date.parse(time ?? ''))
    .filter((time) => !Number.isNaN(time));
  return times.length === 0 ? undefined : Math.max(...times);
}
