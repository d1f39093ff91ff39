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
    for (const owner of objectsAt(object, 'metadata', 'ownerReferences')) {
      const uid = textAt(owner, 'uid') ?? '';
      found.set(uid, [...(found.get(uid) ?? []), object]);
    }
  }
  return found;
}

/** An object with all that it has made. ReplicaSets of earlier revisions that have no pods any more say nothing. */
export function ownerTree(object: KubeObject, made: ByOwner, context: HealthContext): Owned {
  const { status, reason, message } = healthOf(object, context);
  const children = (made.get(object.metadata.uid ?? '') ?? [])
    .map((child) => ownerTree(child, made, context))
    .filter((child) => child.object.kind !== 'ReplicaSet' || child.children.length > 0);
  return { object, health: { status, reason, message }, since: sinceOf(object), children };
}
