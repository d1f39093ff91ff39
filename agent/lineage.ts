import { childName } from '../sync/children.ts';
import type { Delivery } from '../sync/delivery/delivery.ts';
import { LockstepError } from '../sync/errors.ts';
import type { Limits } from '../sync/limits.ts';
import { deliveryLabel, isAppliedBy, ownerAnnotation, shortUid } from '../sync/stamp.ts';
import { annotation, label } from '../sync/types.ts';
import type { Registry, Served } from './registry.ts';

/** Which Deliveries stand in the repositories of which, and what follows from it. */
export interface Lineage {
  /** Namespaces and names of those above a Delivery, from the nearest; the error NotAllowed for too many. */
  above(uid: string): readonly string[] | LockstepError;
  /** What a Delivery may do: no more than each one above it may. @throws LockstepError NotAllowed */
  limits(delivery: Pick<Delivery, 'uid' | 'namespace' | 'kubeconfig'>): Limits;
}

/** Deliveries in each other, below one that a person has made. */
const deepest = 10;

/** @param limits those of a namespace */
export function createLineage(registry: Registry, limits: (namespace: string) => Limits): Lineage {
  function parentOf(served: Served): Served | undefined {
    const maker = makerOf(served);
    if (maker === undefined) return undefined;
    return registry.all().find((other) => shortUid(other.object.metadata.uid ?? '') === maker);
  }

  /**
   * The namespace of one above that is not here: it was deleted and has left what it made, or is not served. What a Delivery
   * may do never grows because of that.
   */
  function lostParentOf(served: Served | undefined): string | undefined {
    if (served === undefined || makerOf(served) === undefined || parentOf(served) !== undefined) return undefined;
    return annotation(served.object, ownerAnnotation)?.split('/', 1)[0];
  }

  function ancestors(uid: string): Served[] {
    const found: Served[] = [];
    let at = registry.get(uid);
    for (let next = at; at !== undefined; at = next) {
      next = parentOf(at);
      // One that manages itself is its own parent, and has no other.
      if (next === undefined || next === at || found.includes(next)) return found;
      found.push(next);
      if (found.length > deepest)
        throw new LockstepError('NotAllowed', `it is more than ${deepest} Deliveries below one that a person has made`);
    }
    return found;
  }

  return {
    above: (uid) => {
      try {
        return ancestors(uid).map(({ object }) => childName(object));
      } catch (error) {
        if (error instanceof LockstepError) return error;
        throw error;
      }
    },
    limits: ({ uid, namespace, kubeconfig }) => {
      const own = limits(namespace);
      const family = ancestors(uid);
      const spaces = new Set(family.map(({ object }) => object.metadata.namespace ?? ''));
      const lost = lostParentOf(family.at(-1) ?? registry.get(uid));
      if (lost !== undefined) spaces.add(lost);
      spaces.delete(namespace);
      const above = [...spaces].map((space) => ({ limits: limits(space), own: space }));
      if (kubeconfig !== undefined && above.some((one) => one.limits.clusters !== undefined))
        throw new LockstepError(
          'NotAllowed',
          'other clusters are not allowed for Deliveries below a namespace that limits them',
        );
      return above.length === 0 ? own : { ...own, above };
    },
  };
}

/** The short uid of the Delivery that has made one: its stamp, as long as that was not copied from elsewhere. */
function makerOf({ object }: Served): string | undefined {
  const stamp = label(object, deliveryLabel);
  return stamp !== undefined && isAppliedBy(object, stamp) ? stamp : undefined;
}
