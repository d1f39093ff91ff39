import { ApiError, isForbidden, isUnanswered } from '../../sync/errors.ts';
import { inParallel } from '../../sync/parallel.ts';
import type { ApiResource } from '../../sync/ports.ts';
import { deliveryLabel, shortUid } from '../../sync/stamp.ts';
import { type KubeObject, label } from '../../sync/types.ts';
import type { DiscoveredKinds } from '../kube/discovery.ts';
import type { KubeHttp } from '../kube/http.ts';
import { itemsOf } from '../kube/lists.ts';
import { collectionPath } from '../kube/paths.ts';

/** Kinds whose objects get the labels of what they are made for. */
const copies = new Set(['Endpoints', 'EndpointSlice', 'Event']);
/** Lists that are under way at once. */
export const parallelLists = 16;

/**
 * The live objects of a Delivery, by its label, as far as the user who calls may list them: everywhere, or in its target
 * namespace. A kind that can't be listed now, such as one of an API server that is added to the cluster and down, keeps
 * nobody from the others.
 * @param uid that of the Delivery
 * @param tell told of each such kind
 */
export async function labelledObjects(
  http: KubeHttp,
  kinds: DiscoveredKinds,
  uid: string,
  targetNamespace: string,
  tell: (problem: string) => void,
): Promise<KubeObject[]> {
  const selector = `${deliveryLabel}=${shortUid(uid)}`;
  const resources = kinds.listable().filter(({ kind }) => !copies.has(kind));
  const lists = await inParallel(resources, parallelLists, (resource) =>
    listWherever(http, resource, targetNamespace, selector).catch(orTell(resource, tell)),
  );
  return lists.flat().filter((object) => label(object, deliveryLabel) === shortUid(uid));
}

/** What comes of a list that is refused: nothing, and a word about it. A cluster that does not answer is another matter. */
export function orTell(
  { kind, apiVersion }: ApiResource,
  tell: (problem: string) => void,
): (error: unknown) => KubeObject[] {
  return (error) => {
    if (!(error instanceof ApiError) || isUnanswered(error)) throw error;
    tell(`${kind} (${apiVersion}) can not be listed: ${error.message}`);
    return [];
  };
}

/** Objects of a kind by a selector: everywhere, or else in one namespace; none where neither may be listed. */
export async function listWherever(
  http: KubeHttp,
  resource: ApiResource,
  namespace: string,
  labelSelector: string,
): Promise<KubeObject[]> {
  const scopes = resource.namespaced ? [undefined, namespace] : [undefined];
  for (const scope of scopes) {
    try {
      const { body } = await http.request({
        method: 'GET',
        path: collectionPath(resource, scope),
        query: labelSelector === '' ? {} : { labelSelector },
      });
      return itemsOf(body);
    } catch (error) {
      if (!isForbidden(error)) throw error;
    }
  }
  return [];
}
