import type { Kinds, Watches } from '../../sync/ports.ts';
import { deliveryLabel } from '../../sync/stamp.ts';
import { findResource } from './cluster.ts';
import type { KubeHttp } from './http.ts';
import { collectionPath } from './paths.ts';
import { follow, type WatchLimits } from './watch.ts';

/**
 * Watches over the objects that carry a Delivery's label, as the identity that the target names.
 * @param allowed throws when an identity must not be acted as; asked whenever a watch is opened
 * @param onMissed told how many events were missed, whenever everything is read again
 */
export function createWatches(
  http: KubeHttp,
  kinds: Kinds,
  allowed: (identity: string) => Promise<void>,
  limits: WatchLimits,
  onMissed: (count: number) => void,
): Watches {
  return {
    open: (target, onEvent) => {
      const { fields, selector = fields === undefined ? deliveryLabel : undefined } = target;
      return follow(
        http,
        {
          path: async () => {
            await allowed(target.identity);
            return collectionPath(await findResource(kinds, target.apiVersion, target.kind), target.namespace);
          },
          ...(selector === undefined ? {} : { labelSelector: selector }),
          ...(fields === undefined ? {} : { fieldSelector: fields }),
          impersonate: target.identity,
          onMissed,
        },
        (event) => onEvent(event.type === 'synced' ? { type: 'synced', present: event.uids } : event),
        limits,
      );
    },
  };
}
