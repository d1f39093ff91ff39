import { type Json, toJson } from '../../diff/json.ts';
import { ApiError, isAbsent, isConflict } from '../../sync/errors.ts';
import type { ApiResource, Cluster, Kinds } from '../../sync/ports.ts';
import { groupOf, isKubeObject, type KubeObject, type ObjectRef, refOf } from '../../sync/types.ts';
import type { KubeHttp, KubeRequest, KubeResponse } from './http.ts';
import { itemsOf } from './lists.ts';
import { logQuery } from './logs.ts';
import { collectionPath, objectPath } from './paths.ts';

/**
 * The API server as one identity sees it.
 * @param impersonate the user to act as; undefined for oneself
 * @param allowed throws when this user must not be acted as; asked before each request
 */
export function createCluster(
  http: KubeHttp,
  kinds: Kinds,
  impersonate: string | undefined,
  allowed: () => Promise<void>,
): Cluster {
  const as = impersonate === undefined ? {} : { impersonate };
  async function send(request: KubeRequest): Promise<KubeResponse> {
    return http.request({ ...request, ...as });
  }

  /** Comes before each request. Whether the user may be acted as at all is asked before anything else. */
  async function locate(ref: ObjectRef): Promise<string> {
    await allowed();
    const resource = await findResource(kinds, ref.apiVersion, ref.kind);
    return objectPath(resource, ref.namespace, ref.name);
  }

  /** For what is only read or deleted any version will do: the one that was recorded may not be served any more. */
  async function locateAny(ref: ObjectRef): Promise<string> {
    if (kinds.find(ref.apiVersion, ref.kind) !== undefined) return locate(ref);
    const other = kinds.findAny(groupOf(ref.apiVersion), ref.kind);
    return locate(other === undefined ? ref : { ...ref, apiVersion: other.apiVersion });
  }

  return {
    get: async (ref) => {
      try {
        const { body } = await send({ method: 'GET', path: await locateAny(ref), ref });
        return asObject(body);
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    apply: async (object, options) => {
      const ref = refOf(object);
      const query = {
        fieldManager: options.manager,
        force: String(options.force),
        ...(options.dryRun ? { dryRun: 'All' } : {}),
      };
      const contentType = 'application/apply-patch+yaml';
      const path = await locate(ref);
      const { status, body } = await send({ method: 'PATCH', path, query, body: toJson(object), contentType, ref });
      return { object: asObject(body), created: status === 201 };
    },
    delete: async (ref, live, propagationPolicy = 'Foreground') => {
      const { uid, resourceVersion } = live.metadata;
      const preconditions = { uid, resourceVersion };
      const body = toJson({ apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions });
      const contentType = 'application/json';
      try {
        const answer = await send({ method: 'DELETE', path: await locateAny(ref), body, contentType, ref });
        return isKubeObject(answer.body) && answer.body.kind === ref.kind ? answer.body : undefined;
      } catch (error) {
        if (isAbsent(error)) return undefined;
        // The object was changed or made again since it was read: it is read again before anything is deleted.
        if (isConflict(error)) return live;
        throw error;
      }
    },
    tryCreate: async (object, manager) => {
      const ref = refOf(object);
      await allowed();
      const path = collectionPath(await findResource(kinds, ref.apiVersion, ref.kind), ref.namespace);
      const query = { dryRun: 'All', fieldManager: manager };
      try {
        const contentType = 'application/json';
        const { body } = await send({ method: 'POST', path, query, body: toJson(object), contentType, ref });
        return asObject(body);
      } catch (error) {
        // It is looked for only after it was found to be in order.
        if (error instanceof ApiError && error.reason === 'AlreadyExists') return undefined;
        throw error;
      }
    },
    patch: async (ref, operations, manager = 'lockstep') => {
      const contentType = 'application/json-patch+json';
      const query = { fieldManager: manager };
      const body = toJson(operations);
      const answer = await send({ method: 'PATCH', path: await locate(ref), query, body, contentType, ref });
      return asObject(answer.body);
    },
    tryMerge: async (ref, patch) => {
      const contentType = 'application/merge-patch+json';
      const query = { dryRun: 'All' };
      const { body } = await send({
        method: 'PATCH',
        path: await locate(ref),
        query,
        body: toJson(patch),
        contentType,
        ref,
      });
      return asObject(body);
    },
    list: async ({ apiVersion, kind }, namespace, labelSelector) => {
      await allowed();
      const path = collectionPath(await findResource(kinds, apiVersion, kind), namespace);
      const { body } = await send({ method: 'GET', path, query: { labelSelector } });
      return itemsOf(body);
    },
    logs: async (pod, container, { lines, previous }) => {
      const query = logQuery(container, String(lines), previous);
      return http.text({ method: 'GET', path: `${await locate(pod)}/log`, query, ...as });
    },
  };
}

/** A kind that is not known may have been installed since: the API server is asked once more. */
export async function findResource(kinds: Kinds, apiVersion: string, kind: string): Promise<ApiResource> {
  const known = kinds.find(apiVersion, kind);
  if (known !== undefined) return known;
  await kinds.refresh();
  const found = kinds.find(apiVersion, kind);
  if (found !== undefined) return found;
  throw new ApiError(`the API server does not serve ${kind} of ${apiVersion}`, {
    status: 404,
    reason: 'KindNotServed',
    class: 'not-served',
  });
}

function asObject(body: Json): KubeObject {
  if (isKubeObject(body)) return body;
  throw new ApiError('the API server answered something that is no object', {
    status: 200,
    reason: 'Malformed',
    class: 'transient',
  });
}
