import { type Json, toJson } from '../../diff/json.ts';
import { ApiError } from '../../sync/errors.ts';
import type { ApiResource, Cluster, Kinds } from '../../sync/ports.ts';
import { isKubeObject, type KubeObject, type ObjectRef, refOf } from '../../sync/types.ts';
import type { KubeHttp } from './http.ts';
import { objectPath } from './paths.ts';

/**
 * The API server as one identity sees it.
 * @param impersonate the user to act as; undefined for the agent itself
 */
export function createCluster(http: KubeHttp, kinds: Kinds, impersonate: string | undefined): Cluster {
  const identity = impersonate === undefined ? {} : { impersonate };

  async function locate(ref: ObjectRef): Promise<string> {
    const resource = await findResource(kinds, ref.apiVersion, ref.kind);
    return objectPath(resource, ref.namespace, ref.name);
  }

  return {
    get: async (ref) => {
      try {
        const { body } = await http.request({ method: 'GET', path: await locate(ref), ref, ...identity });
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
      const { status, body } = await http.request({
        method: 'PATCH',
        path,
        query,
        body: toJson(object),
        contentType,
        ref,
        ...identity,
      });
      return { object: asObject(body), created: status === 201 };
    },
    delete: async (ref, uid) => {
      const body = toJson({
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Foreground',
        preconditions: { uid },
      });
      try {
        const path = await locate(ref);
        const answer = await http.request({
          method: 'DELETE',
          path,
          body,
          contentType: 'application/json',
          ref,
          ...identity,
        });
        return isKubeObject(answer.body) && answer.body.kind === ref.kind ? answer.body : undefined;
      } catch (error) {
        // A conflict is the uid's precondition: that incarnation is gone, and the new one is not ours to delete.
        if (isAbsent(error) || (error instanceof ApiError && error.status === 409)) return undefined;
        throw error;
      }
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

function isAbsent(error: unknown): boolean {
  return error instanceof ApiError && error.class === 'absent';
}

function asObject(body: Json): KubeObject {
  if (isKubeObject(body)) return body;
  throw new ApiError('the API server answered something that is no object', {
    status: 200,
    reason: 'Malformed',
    class: 'transient',
  });
}
