import { textAt } from '../diff/json.ts';
import { createRollouts } from '../health/rollouts.ts';
import { createWatcher } from '../health/watcher.ts';
import { deliveryResource } from '../sync/delivery/crd.ts';
import { isAbsent, messageOf } from '../sync/errors.ts';
import type { Clock, Cluster, Log } from '../sync/ports.ts';
import { createSources } from '../sync/source/git.ts';
import { createAccounts } from './accounts.ts';
import { createClock } from './clock.ts';
import { readCredentials } from './credentials.ts';
import { createDeliveries } from './deliveries.ts';
import { createDeliveryWriter } from './delivery-writer.ts';
import { createEvents } from './events.ts';
import { createFailPoint } from './fail-points.ts';
import { loadAccess } from './kube/client.ts';
import { createCluster } from './kube/cluster.ts';
import { discoverKinds } from './kube/discovery.ts';
import { createKubeHttp, fenced, httpDefaults, type KubeHttp } from './kube/http.ts';
import { collectionPath } from './kube/paths.ts';
import { follow } from './kube/watch.ts';
import { createWatches } from './kube/watches.ts';
import { type Leadership, lead, leaseName } from './leader.ts';
import { createQueue, queueDefaults } from './queue.ts';
import { createSeals } from './record-key.ts';
import { createRecordSecrets } from './record-secrets.ts';
import { createRecords } from './records.ts';
import type { Settings } from './settings.ts';
import { createStorageClasses } from './storage-classes.ts';

/** A running agent. */
export interface Agent {
  /** Resolves, with the reason, when the agent must stop because another one leads. */
  readonly lost: Promise<string>;
  /** Stops taking up work, waits for what runs, and closes every connection. */
  stop(): Promise<void>;
}

/**
 * Puts the agent together: the one place where the rooms meet. It begins to work when it leads.
 * @param stop ends the wait for that
 */
export async function startAgent(settings: Settings, log: Log, stop: AbortSignal): Promise<Agent> {
  const clock = createClock((milliseconds) => log.warn({ milliseconds }, 'somebody set the clock; no deadline moves'));
  const access = await loadAccess(settings.kubeconfig || undefined, clock.now);
  const anybody = createKubeHttp(access, {
    ...httpDefaults,
    requestTimeout: settings['request-timeout'],
    connections: settings.connections,
  });
  const leadership = await lead(anybody, settings.namespace, leaseName(settings['watch-namespaces']), log, stop);
  try {
    return await assemble(settings, log, clock, anybody, leadership);
  } catch (error) {
    // Who does not work must not keep others from it.
    await leadership.release();
    await anybody.close();
    throw error;
  }
}

async function assemble(
  settings: Settings,
  log: Log,
  clock: Clock,
  anybody: KubeHttp,
  leadership: Leadership,
): Promise<Agent> {
  const http = fenced(anybody, leadership.left);
  const kinds = await discoverKinds(http);
  const records = createRecords(
    createRecordSecrets(http, settings.namespace),
    createSeals(http, settings.namespace),
    leadership,
  );
  const requireAccount = createAccounts(http, clock);
  const clusters = new Map<string, Cluster>();
  const cluster = (identity: string): Cluster => {
    const known = clusters.get(identity) ?? createCluster(http, kinds, identity, () => requireAccount(identity));
    clusters.set(identity, known);
    return known;
  };
  const queue = createQueue(
    (uid) => deliveries.work(uid),
    (uid, error) => log.error({ delivery: uid, problem: messageOf(error) }, 'a turn failed'),
    {
      ...queueDefaults,
      workers: settings.workers,
    },
  );
  const bindingMode = createStorageClasses(http, clock, log);
  const healthContext = () => ({ now: clock.now(), bindingMode });
  const watches = createWatches(http, kinds, requireAccount);
  const watcher = createWatcher(watches, healthContext, queue.add);
  const rollouts = createRollouts(watches, clock.steady, queue.add);
  const gitLimits = { deadline: settings['git-timeout'], maxBytes: settings['git-max-bytes'], maxRedirects: 3 };
  const sources = createSources(settings['data-dir'], gitLimits);
  const events = createEvents(http, clock, log);
  const deliveries = createDeliveries({
    clock,
    log,
    records,
    watcher,
    events,
    writer: createDeliveryWriter(http, events),
    world: {
      clock,
      log,
      kinds,
      records,
      watcher,
      rollouts,
      reach: createFailPoint(process.env['LOCKSTEP_FAIL_AT']),
      cluster,
      sources,
      isEnding: (namespace) => isEnding(http, namespace),
      tellNamespace: (name, reason, message) =>
        events.write({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, 'Warning', reason, message),
      credentials: (identity, namespace, name) => readCredentials(cluster(identity), namespace, name),
    },
    enqueue: queue.add,
  });
  const closers = servedNamespaces(settings).map((namespace) => {
    const path = async () => collectionPath(deliveryResource, namespace);
    return follow(http, { path }, (event) => deliveries.onEvent(namespace, event));
  });
  return {
    lost: leadership.lost,
    stop: async () => {
      for (const close of closers) close();
      await queue.close();
      watcher.close();
      rollouts.close();
      await leadership.release();
      await Promise.all([http.close(), sources.close()]);
    },
  };
}

/** The namespaces to watch; undefined stands for all of them. */
function servedNamespaces(settings: Settings): readonly (string | undefined)[] {
  const namespaces = settings['watch-namespaces'];
  return namespaces.length === 0 ? [undefined] : namespaces;
}

/** A namespace that is gone has ended too. */
async function isEnding(http: KubeHttp, namespace: string): Promise<boolean> {
  try {
    const { body } = await http.request({ method: 'GET', path: `/api/v1/namespaces/${encodeURIComponent(namespace)}` });
    return textAt(body, 'metadata', 'deletionTimestamp') !== undefined;
  } catch (error) {
    if (isAbsent(error)) return true;
    throw error;
  }
}
