import type { Target } from '../../sync/delivery/target.ts';
import type { Kinds, Watches } from '../../sync/ports.ts';
import { deliveryLabel } from '../../sync/stamp.ts';
import { findResource } from './cluster.ts';
import type { KubeHttp } from './http.ts';
import { collectionPath } from './paths.ts';
import { follow, type WatchLimits } from './watch.ts';

/** Where a watch is opened, and as whom. */
export interface WatchSite {
  readonly http: KubeHttp;
  readonly kinds: Kinds;
  /** Whom to act as there; undefined where the login already says. */
  readonly impersonate: string | undefined;
  /** Throws when nothing may be done for the target; asked whenever a watch is opened. @throws LockstepError AccountNotFound */
  allowed(): Promise<void>;
}

/**
 * Watches over the objects that carry a Delivery's label, in the cluster and as the identity that the target names.
 * @param onMissed told how many events were missed, whenever everything is read again
 */
export function createWatches(
  at: (target: Target) => WatchSite,
  limits: WatchLimits,
  onMissed: (count: number) => void,
): Watches {
  return {
    open: (target, onEvent) => {
      const { fields, selector = fields === undefined ? deliveryLabel : undefined } = target;
      const { impersonate } = at(target.identity);
      return follow(
        whereverIs(() => at(target.identity).http),
        {
          path: async () => {
            const { allowed, kinds } = at(target.identity);
            await allowed();
            return collectionPath(await findResource(kinds, target.apiVersion, target.kind), target.namespace);
          },
          ...(selector === undefined ? {} : { labelSelector: selector }),
          ...(fields === undefined ? {} : { fieldSelector: fields }),
          ...(impersonate === undefined ? {} : { impersonate }),
          onMissed,
        },
        (event) => onEvent(event.type === 'synced' ? { type: 'synced', present: event.uids } : event),
        limits,
      );
    },
  };
}

/** A watch outlives the connection that it was opened on: each request asks for the one that there is. */
function whereverIs(http: () => KubeHttp): KubeHttp {
  return {
    request: (request) => http().request(request),
    text: (request) => http().text(request),
    stream: (request, signal) => http().stream(request, signal),
    close: () => http().close(),
  };
}
