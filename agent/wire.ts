import { textAt } from '../diff/json.ts';
import { createRollouts } from '../health/rollouts.ts';
import { createWatcher } from '../health/watcher.ts';
import { deliveryResource, deliverySetResource } from '../sync/delivery/crd.ts';
import type { Target } from '../sync/delivery/target.ts';
import { tryToHeal } from '../sync/drift.ts';
import { isAbsent, messageOf } from '../sync/errors.ts';
import type { Clock, Log } from '../sync/ports.ts';
import { parseYaml } from '../sync/render/yaml.ts';
import { createAccounts } from './accounts.ts';
import { createAsker } from './analysis/ask.ts';
import { createMeasure } from './analysis/measure.ts';
import { reviewConnections } from './api/callers.ts';
import { createClock } from './clock.ts';
import { createDeliveries, type SharedWorld } from './deliveries.ts';
import { createDeliveryWriter } from './delivery-writer.ts';
import { createEvents } from './events.ts';
import { createFailPoint } from './fail-points.ts';
import { loadAccess } from './kube/client.ts';
import { discoverKinds } from './kube/discovery.ts';
import { createKubeHttp, fenced, type HttpLimits, httpDefaults, type KubeHttp } from './kube/http.ts';
import { collectionPath } from './kube/paths.ts';
import { type CollectionEvent, follow, watchDefaults } from './kube/watch.ts';
import { createWatches } from './kube/watches.ts';
import { type Leadership, lead, leaseName } from './leader.ts';
import { followLimits } from './limits.ts';
import { createLineage } from './lineage.ts';
import { openApi, openProbes } from './listeners.ts';
import { madeBy } from './made.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createNeighbours } from './neighbours.ts';
import { createProbes, type Probes } from './probes.ts';
import { gathering } from './queue/gather.ts';
import { openQueue } from './queue/open.ts';
import { createSeals } from './record-key.ts';
import { createRecordSecrets } from './record-secrets.ts';
import { createRecords } from './records.ts';
import { createRegistry, type Registry } from './registry.ts';
import { type LoginDeps, readLogin, type SecretPlace } from './remote-login.ts';
import { followRules } from './rules/book.ts';
import { createRuleJudge } from './rules/judge.ts';
import type { Settings } from './settings.ts';
import { createSites } from './sites.ts';
import { followValues } from './values.ts';
import { openContent } from './wire-content.ts';

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
  // What has to be closed: in reverse order, so that the lease is given back when nothing works any more.
  const opened = new AsyncDisposableStack();
  try {
    const common = await openCommon(settings, log, opened);
    const leadership = await lead(
      common.anybody,
      settings.namespace,
      leaseName(settings['watch-namespaces']),
      log,
      stop,
    );
    // Who does not work must not keep others from it.
    opened.defer(leadership.release);
    await work(common, leadership, opened);
    return { lost: leadership.lost, stop: () => opened.disposeAsync() };
  } catch (error) {
    await opened
      .disposeAsync()
      .catch((problem: unknown) => log.error({ problem: messageOf(problem) }, 'can not close'));
    throw error;
  }
}

/** What is there before an agent leads. */
interface Common {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly metrics: Metrics;
  readonly probes: Probes;
  /** The API server, whoever leads. */
  readonly anybody: KubeHttp;
  readonly reviews: KubeHttp;
}

async function openCommon(settings: Settings, log: Log, opened: AsyncDisposableStack): Promise<Common> {
  const clock = createClock((milliseconds) => log.warn({ milliseconds }, 'somebody set the clock; no deadline moves'));
  const registry = createRegistry();
  const metrics = createMetrics(registry);
  const access = await loadAccess(settings.kubeconfig || undefined, clock.now);
  const limits = { ...httpDefaults, requestTimeout: settings['request-timeout'], connections: settings.connections };
  const connect = (of: HttpLimits): KubeHttp => {
    const http = createKubeHttp(access, of, metrics.apiRequest);
    opened.defer(http.close);
    return http;
  };
  const anybody = connect(limits);
  const reviews = connect({ ...limits, connections: reviewConnections, retries: 0 });
  const probes = createProbes(watchNames(settings), () => performance.now());
  opened.defer(async () => probes.close());
  const probing = await openProbes(settings, probes, metrics, log);
  opened.defer(probing.close);
  return { settings, log, clock, registry, metrics, probes, anybody, reviews };
}

async function work(common: Common, leadership: Leadership, opened: AsyncDisposableStack): Promise<void> {
  const { settings, log, clock, registry, metrics, probes, anybody, reviews } = common;
  const { readSecrets, ...content } = openContent(settings, opened);
  const http = fenced(anybody, leadership.left);
  const kinds = await discoverKinds(http);
  const seals = createSeals(http, settings.namespace);
  const records = createRecords(createRecordSecrets(http, settings.namespace), seals, leadership);
  const requireAccount = createAccounts(http, clock);
  const limits = followLimits(http, { namespace: settings.namespace, name: settings.limits }, parseYaml, log, () =>
    deliveries.checkAgain(),
  );
  opened.defer(async () => limits.close());
  const events = createEvents(http, clock, log);
  const ruleJudge = createRuleJudge(clock);
  opened.defer(ruleJudge.close);
  const rulesPlace = { namespace: settings.namespace, name: settings['health-rules'] };
  const rules = followRules({
    http,
    place: rulesPlace,
    parse: parseYaml,
    check: ruleJudge.check,
    clock,
    log,
    warn: (reason, message) =>
      events.write({ apiVersion: 'v1', kind: 'ConfigMap', metadata: rulesPlace }, 'Warning', reason, message),
    onChange: () => deliveries.checkAgain(),
  });
  opened.defer(async () => rules.close());
  const loginDeps: LoginDeps = {
    userAgent: httpDefaults.userAgent,
    parse: parseYaml,
    limits: limits.of,
    guard: (remote) => fenced(remote, leadership.left),
    observe: metrics.apiRequest,
  };
  const login = (identity: string, secret: SecretPlace) => readLogin(sites.at(identity).cluster, secret, loginDeps);
  const sites = createSites({ http, kinds, clock, log, requireAccount, login });
  opened.defer(sites.close);
  registry.subscribe(({ type }) => {
    if (type === 'deleted') sites.keepOnly(registry.all().map((served) => served.target()));
  });
  const queue = await openQueue(settings, log, registry, metrics, (uid, hints) => deliveries.work(uid, hints));
  const healthContext = (target: Target) => ({ now: clock.now(), bindingMode: sites.at(target).bindingMode });
  const watchLimits = { ...watchDefaults, silence: settings['watch-silence'] };
  const watches = createWatches(sites.at, watchLimits, metrics.missed);
  // A turn looks at every object: the more there are, the more news it should be about.
  const gathered = gathering(queue, (uid) => 10 + (registry.get(uid)?.session?.record.entries.size ?? 0) / 50);
  const watcher = createWatcher(watches, healthContext, gathered, ruleJudge.judge);
  const rollouts = createRollouts(watches, clock.steady, gathered);
  opened.defer(async () => {
    watcher.close();
    rollouts.close();
  });
  // What is being measured is asked anew by the next agent: no turn of this one may hear that it was broken off.
  const asker = createAsker();
  opened.defer(asker.close);
  // Turns that still run need their watches: the queue is closed before them.
  opened.defer(queue.close);
  await Promise.all([limits.ready, rules.ready]);
  const clusterOf = (target: Target) => sites.at(target).cluster;
  const { forget: forgetSecrets, ...secrets } = readSecrets(clusterOf, clock);
  const lineage = createLineage(registry, limits.of);
  const measure = createMeasure({
    asker,
    answer: ruleJudge.answer,
    limits: lineage.limits,
    agentNamespace: settings.namespace,
    cluster: clusterOf,
    credentials: (identity, namespace, secret) => secrets.credentials(identity, namespace, { secret }),
  });
  const heard = (uid: string, paths?: readonly string[]): void => deliveries.heard(uid, paths);
  const neighbours = createNeighbours({ registry, clock, log, limits: lineage.limits, enqueue: queue.add, heard });
  metrics.withheld(() => neighbours.open().length);
  const values = followValues(watches, parseYaml, (uid) => deliveries.lookAgain(uid));
  opened.defer(async () => values.close());
  const world: SharedWorld = {
    clock,
    agentNamespace: settings.namespace,
    log,
    records,
    rules,
    fingerprint: seals.fingerprint,
    watcher,
    rollouts,
    reach: createFailPoint(process.env['LOCKSTEP_FAIL_AT']),
    cluster: clusterOf,
    measure,
    ...content,
    isEnding: (namespace) => isEnding(http, namespace),
    tellNamespace: (name, reason, message) =>
      events.write({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, 'Warning', reason, message),
    ...secrets,
    values: values.of,
  };
  const writer = createDeliveryWriter(http, events);
  const deliveries = createDeliveries({
    clock,
    log,
    registry,
    records,
    outage: leadership.outage,
    rules,
    watcher,
    events,
    writer,
    neighbours,
    lineage,
    forgetValues: (uid) => {
      values.forget(uid);
      forgetSecrets(uid);
    },
    world,
    siteAt: sites.at,
    enqueue: queue.add,
    enqueueAfter: queue.addAfter,
    isShared: settings.redis !== '',
  });
  const api = await openApi(
    settings,
    {
      registry,
      clock,
      kinds,
      http,
      reviews,
      siteOf: sites.at,
      live: watcher.live,
      made: (target, workloads) => madeBy(sites.at(target).cluster, workloads),
      healthContext,
      suspects: watcher.suspects,
      tryToHeal: (delivery, session, entry) => tryToHeal({ delivery, session, world }, entry),
    },
    heard,
    metrics,
    log,
  );
  opened.defer(api.close);
  for (const namespace of servedNamespaces(settings)) {
    for (const resource of [deliveryResource, deliverySetResource]) {
      const path = async () => collectionPath(resource, namespace);
      const name = watchName(namespace, resource.kind);
      const spec = { path, onSign: () => probes.sign(name), onMissed: metrics.missed };
      const onEvent = (event: CollectionEvent): void => {
        deliveries.onEvent(resource.kind, namespace, event);
        // Where sets are not installed, there are none.
        const isNone = event.type === 'failed' && isAbsent(event.error) && resource === deliverySetResource;
        if (event.type === 'synced' || isNone) probes.seen(name);
      };
      const close = follow(http, spec, onEvent, watchLimits);
      opened.defer(async () => close());
    }
  }
}

/** The namespaces to watch; undefined stands for all of them. */
function servedNamespaces(settings: Settings): readonly (string | undefined)[] {
  const namespaces = settings['watch-namespaces'];
  return namespaces.length === 0 ? [undefined] : namespaces;
}

function watchName(namespace: string | undefined, kind: string): string {
  return `${kind} ${namespace ?? '*'}`;
}

/** Deliveries and sets of them, in every namespace that is served. */
function watchNames(settings: Settings): string[] {
  return servedNamespaces(settings).flatMap((namespace) => [
    watchName(namespace, deliveryResource.kind),
    watchName(namespace, deliverySetResource.kind),
  ]);
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
