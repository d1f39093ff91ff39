import type { BindingMode } from '../health/scale.ts';
import { partsOf, type Target } from '../sync/delivery/target.ts';
import type { Clock, Cluster, Kinds, Log } from '../sync/ports.ts';
import { createCluster } from './kube/cluster.ts';
import { lateKinds } from './kube/discovery.ts';
import type { KubeHttp } from './kube/http.ts';
import { createRemote, type Login, type Remote } from './kube/remote.ts';
import type { WatchSite } from './kube/watches.ts';
import { createStorageClasses } from './storage-classes.ts';

/** A cluster, as the target of Deliveries. */
export interface Site extends WatchSite {
  readonly cluster: Cluster;
  bindingMode(storageClass: string): BindingMode | undefined;
  /** What is asked of another cluster before a turn there; undefined for the agent's own. */
  readonly far: Pick<Remote, 'silence' | 'makeSure' | 'identity'> | undefined;
}

/** The clusters that targets mean: the agent's own, and others that kubeconfigs lead to. */
export interface Sites {
  at(target: Target): Site;
  /** Lets go of the clusters that no target means any more. */
  keepOnly(targets: Iterable<Target>): void;
  close(): Promise<void>;
}

/** What is there beforehand. */
export interface SiteDeps {
  readonly http: KubeHttp;
  readonly kinds: Kinds;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes sure that an account exists. @throws LockstepError AccountNotFound */
  requireAccount(identity: string): Promise<void>;
  /** Reads the login to another cluster. @throws LockstepError KubeconfigInvalid, NotAllowed */
  login(identity: string, secret: { readonly namespace: string; readonly name: string }): Promise<Login>;
}

export function createSites(deps: SiteDeps): Sites {
  const { clock, log } = deps;
  const sites = new Map<Target, Site>();
  const ownModes = createStorageClasses(deps.http, clock, log);

  function open(target: Target): Site {
    const { identity, secret } = partsOf(target);
    const allowed = () => deps.requireAccount(identity);
    if (secret === undefined) {
      const { http, kinds } = deps;
      return made(http, kinds, identity, allowed, ownModes, undefined);
    }
    const title = `the cluster of the Secret ${secret.namespace}/${secret.name}`;
    const http = createRemote(title, () => deps.login(identity, secret), clock.steady);
    return made(http, lateKinds(http), undefined, allowed, createStorageClasses(http, clock, log), http);
  }

  return {
    at: (target) => {
      const site = sites.get(target) ?? open(target);
      sites.set(target, site);
      return site;
    },
    keepOnly: (targets) => {
      const kept = new Set(targets);
      for (const [target, { http }] of sites) {
        if (kept.has(target) || partsOf(target).secret === undefined) continue;
        sites.delete(target);
        void http.close();
      }
    },
    close: async () => {
      const remote = [...sites].filter(([target]) => partsOf(target).secret !== undefined);
      await Promise.all(remote.map(([, { http }]) => http.close()));
    },
  };
}

function made(
  http: KubeHttp,
  kinds: Kinds,
  impersonate: string | undefined,
  allowed: () => Promise<void>,
  bindingMode: Site['bindingMode'],
  far: Site['far'],
): Site {
  return {
    http,
    kinds,
    impersonate,
    allowed,
    bindingMode,
    far,
    cluster: createCluster(http, kinds, impersonate, allowed),
  };
}
