import { at, objectsAt, textAt } from '../../diff/json.ts';
import type { ApiResource, Kinds } from '../../sync/ports.ts';
import type { KubeHttp } from './http.ts';

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList';

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
  const answers = await Promise.all(['/api', '/apis'].map((path) => http.request({ method: 'GET', path, accept: aggregated })));
  const kinds = new Map<string, ApiResource>();
  for (const { body } of answers) {
    for (const group of objectsAt(body, 'items')) {
      const groupName = textAt(group, 'metadata', 'name') ?? '';
      for (const version of objectsAt(group, 'versions')) {
        const versionName = textAt(version, 'version') ?? '';
        const apiVersion = groupName === '' ? versionName : `${groupName}/${versionName}`;
        for (const resource of objectsAt(version, 'resources')) {
          const kind = textAt(resource, 'responseKind', 'kind') ?? '';
          const plural = textAt(resource, 'resource') ?? '';
          kinds.set(`${apiVersion} ${kind}`, { apiVersion, kind, plural, namespaced: at(resource, 'scope') === 'Namespaced' });
        }
      }
    }
  }
  return kinds;
}
