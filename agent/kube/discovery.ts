import { at, type JsonObject, objectsAt, textAt, textsAt } from '../../diff/json.ts';
import type { ApiResource, Capabilities, Kinds } from '../../sync/ports.ts';
import { groupOf } from '../../sync/types.ts';
import type { KubeHttp } from './http.ts';

const aggregated =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList';

/** How old what charts are told may be, in milliseconds: somebody may have installed a kind, and pushed a chart that asks for it. */
const capabilitiesAge = 30_000;

interface Discovered {
  readonly kinds: ReadonlyMap<string, ApiResource>;
  /** `group/kind` of everything that is served in some version. */
  readonly served: ReadonlySet<string>;
  /** Every kind that can be listed, by `group/kind`, in the version that the API server prefers. */
  readonly preferred: ReadonlyMap<string, ApiResource>;
  /** Groups whose server did not answer: nothing is known about what they hold now. */
  readonly unsure: ReadonlySet<string>;
  readonly capabilities: Capabilities;
}

/** What is served, for who wants to see it all. */
export interface DiscoveredKinds extends Kinds {
  /** Every kind that can be listed, each in the version that the API server prefers. */
  listable(): readonly ApiResource[];
}

/** The kinds that the API server serves, by two requests of aggregated discovery (and one for its version), kept until `refresh` is asked for. */
export async function discoverKinds(http: KubeHttp): Promise<DiscoveredKinds> {
  let known = await discover(http);
  let at = performance.now();
  let pending: Promise<void> | undefined;
  return {
    find: (apiVersion, kind) => known.kinds.get(`${apiVersion} ${kind}`),
    listable: () => [...known.preferred.values()],
    findAny: (group, kind) => known.preferred.get(`${group}/${kind}`),
    isGone: (group, kind) => !known.served.has(`${group}/${kind}`) && !known.unsure.has(group),
    capabilities: async () => {
      // A cluster that does not answer is told of as it was.
      if (performance.now() - at > capabilitiesAge) await refresh().catch(() => undefined);
      return known.capabilities;
    },
    refresh,
  };

  function refresh(): Promise<void> {
    pending ??= discover(http)
      .then((fresh) => {
        known = withUnsure(fresh, known);
        at = performance.now();
      })
      .finally(() => {
        pending = undefined;
      });
    return pending;
  }
}

/** The kinds that a cluster serves, asked for when somebody first looks for one: it may not be there yet, or never be needed. */
export function lateKinds(http: KubeHttp): Kinds {
  let known: DiscoveredKinds | undefined;
  let pending: Promise<DiscoveredKinds> | undefined;
  async function first(): Promise<DiscoveredKinds> {
    pending ??= discoverKinds(http).finally(() => {
      pending = undefined;
    });
    known = await pending;
    return known;
  }
  return {
    find: (apiVersion, kind) => known?.find(apiVersion, kind),
    findAny: (group, kind) => known?.findAny(group, kind),
    isGone: (group, kind) => known?.isGone(group, kind) ?? false,
    capabilities: async () => (known ?? (await first())).capabilities(),
    refresh: async () => {
      if (known !== undefined) return known.refresh();
      await first();
    },
  };
}

async function discover(http: KubeHttp): Promise<Discovered> {
  const ask = (path: string) => http.request({ method: 'GET', path, accept: aggregated });
  const [version, ...answers] = await Promise.all([
    http.request({ method: 'GET', path: '/version' }),
    ask('/api'),
    ask('/apis'),
  ]);
  const groups = answers.flatMap(({ body }) => objectsAt(body, 'items'));
  const resources = groups.flatMap(resourcesOfGroup);
  const unsure = groups.filter((group) =>
    objectsAt(group, 'versions').some((version) => version['freshness'] === 'Stale'),
  );
  const preferred = new Map<string, ApiResource>();
  for (const { verbs, ...resource } of resources) {
    const name = `${groupOf(resource.apiVersion)}/${resource.kind}`;
    if (verbs.includes('list') && !preferred.has(name)) preferred.set(name, resource);
  }
  return {
    capabilities: { version: textAt(version.body, 'gitVersion') ?? '', apis: apisOf(resources) },
    preferred,
    kinds: new Map(resources.map((resource) => [`${resource.apiVersion} ${resource.kind}`, resource])),
    served: new Set(resources.map((resource) => `${groupOf(resource.apiVersion)}/${resource.kind}`)),
    unsure: new Set(unsure.map((group) => textAt(group, 'metadata', 'name') ?? '')),
  };
}

function apisOf(resources: readonly ApiResource[]): string[] {
  const kinds = resources.map(({ apiVersion, kind }) => `${apiVersion}/${kind}`);
  return [...new Set([...resources.map(({ apiVersion }) => apiVersion), ...kinds])];
}

/** Of groups whose server does not answer counts what was known before: charts and objects of them are not without their kinds. */
function withUnsure(fresh: Discovered, before: Discovered): Discovered {
  if (fresh.unsure.size === 0) return fresh;
  const isUnsure = ([, { apiVersion }]: [string, ApiResource]): boolean => fresh.unsure.has(groupOf(apiVersion));
  const merged = (old: ReadonlyMap<string, ApiResource>, now: ReadonlyMap<string, ApiResource>) =>
    new Map([...[...old].filter(isUnsure), ...now]);
  const kinds = merged(before.kinds, fresh.kinds);
  const capabilities = { ...fresh.capabilities, apis: apisOf([...kinds.values()]) };
  return { ...fresh, kinds, preferred: merged(before.preferred, fresh.preferred), capabilities };
}

function resourcesOfGroup(group: JsonObject): (ApiResource & { verbs: readonly string[] })[] {
  const groupName = textAt(group, 'metadata', 'name') ?? '';
  return objectsAt(group, 'versions').flatMap((version) => {
    const versionName = textAt(version, 'version') ?? '';
    const apiVersion = groupName === '' ? versionName : `${groupName}/${versionName}`;
    return objectsAt(version, 'resources').map((resource) => ({
      apiVersion,
      kind: textAt(resource, 'responseKind', 'kind') ?? '',
      plural: textAt(resource, 'resource') ?? '',
      namespaced: at(resource, 'scope') === 'Namespaced',
      verbs: textsAt(resource, 'verbs'),
    }));
  });
}
