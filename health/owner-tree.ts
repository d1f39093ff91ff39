import { objectsAt, textAt } from '../diff/json.ts';
import type { Health, KubeObject } from '../sync/types.ts';
import { healthOf } from './rules.ts';
import type { HealthContext } from './scale.ts';
import { sinceOf } from './since.ts';

/** What objects of a Delivery make: ReplicaSets and Jobs, and Pods below them. */
export const madeKinds = [
  { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
  { apiVersion: 'batch/v1', kind: 'Job' },
  { apiVersion: 'v1', kind: 'Pod' },
] as const;

/** An object, how it is and since when, and what it has made. */
export interface Owned {
  readonly object: KubeObject;
  readonly health: Health;
  /** Wall time in milliseconds. */
  readonly since: number | undefined;
  readonly children: readonly Owned[];
}

/** Objects by the uid of those that made them. */
export type ByOwner = ReadonlyMap<string, readonly KubeObject[]>;

export function byOwner(objects: readonly KubeObject[]): ByOwner {
  const found = new Map<string, KubeObject[]>();
  for (const object of objects) {
    // An object has one controller at most; whoever else is named as an owner did not make it.
    const owner = objectsAt(object, 'metadata', 'ownerReferences').find((one) => one['controller'] === true);
    const uid = owner === undefined ? undefined : textAt(owner, 'uid');
    if (uid === undefined) continue;
    const its = found.get(uid);
    if (its === undefined) found.set(uid, [object]);
    else its.push(object);
  }
  return found;
}

/** CronJob, Job, Pod: anybody may write that a Pod made another one, and that one the first. */
const deepest = 3;

/** An object with all that it has made. ReplicaSets of earlier revisions that have no pods any more say nothing. */
export function ownerTree(object: KubeObject, made: ByOwner, context: HealthContext, depth = 1): Owned {
  const { status, reason, message } = healthOf(object, context);
  const its = depth < deepest ? (made.get(object.metadata.uid ?? '') ?? []) : [];
  const children = its
    .map((child) => ownerTree(child, made, context, depth + 1))
    .filter((child) => child.object.kind !== 'ReplicaSet' || child.children.length > 0);
  return { object, health: { status, reason, message }, since: sinceOf(object), children };
}
