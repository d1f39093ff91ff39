import { at, type JsonObject, objectsAt, textAt } from '../../diff/json.ts';
import type { ApiResource, Kinds } from '../../sync/ports.ts';
import type { KubeHttp } from './http.ts';

const aggregated =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList';

/** The kinds that the API server serves, by two requests of aggregated discovery, kept until `refresh` is asked for. */
export async function discoverKinds(http: KubeHttp): Promise<Kinds> {
  let kinds = await fetchKinds(http);
  let pending: Promise<void> | undefined;
  return {
    find: (apiVersion, kind) => kinds.get(`${apiVersion} ${kind}`),
    refresh: () => {
      pending ??= fetchKinds(http)
        .then((fresh) => {
          kinds = fresh;
        })
        .finally(() => {
          pending = undefined;
        });
      return pending;
    },
  };
}

async function fetchKinds(http: KubeHttp): Promise<Map<string, ApiResource>> {
  const ask = (path: string) => http.request({ method: 'GET', path, accept: aggregated });
  const answers = await Promise.all([ask('/api'), ask('/apis')]);
  const resources = answers.flatMap(({ body }) => objectsAt(body, 'items').flatMap(resourcesOfGroup));
  return new Map(resources.map((resource) => [`${resource.apiVersion} ${resource.kind}`, resource]));
}

function resourcesOfGroup(group: JsonObject): ApiResource[] {
  const groupName = textAt(group, 'metadata', 'name') ?? '';
  return objectsAt(group, 'versions').flatMap((version) => {
    const versionName = textAt(version, 'version') ?? '';
    const apiVersion = groupName === '' ? versionName : `${groupName}/${versionName}`;
    return objectsAt(version, 'resources').map((resource) => ({
      apiVersion,
      kind: textAt(resource, 'responseKind', 'kind') ?? '',
      plural: textAt(resource, 'resource') ?? '',
      namespaced: at(resource, 'scope') === 'Namespaced',
    }));
  });
}
