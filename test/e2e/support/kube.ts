import { setTimeout as sleep } from 'node:timers/promises';
import { loadAccess } from '../../../agent/kube/client.ts';
import { findResource } from '../../../agent/kube/cluster.ts';
import { discoverKinds } from '../../../agent/kube/discovery.ts';
import { createKubeHttp, httpDefaults, type KubeHttp } from '../../../agent/kube/http.ts';
import { objectPath } from '../../../agent/kube/paths.ts';
import { toJson } from '../../../diff/json.ts';
import { ApiError } from '../../../sync/errors.ts';
import type { Kinds } from '../../../sync/ports.ts';
import type { KubeObject, ObjectRef } from '../../../sync/types.ts';

/** The cluster as a person with kubectl sees it. */
export interface Kube {
  readonly http: KubeHttp;
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  /** Applies as `kubectl apply --server-side` would. */
  apply(object: KubeObject, manager?: string): Promise<KubeObject>;
  /** Merge-patches as `kubectl edit` would. */
  edit(ref: ObjectRef, patch: object, manager?: string): Promise<KubeObject>;
  /** Sends a JSON Patch. */
  jsonPatch(ref: ObjectRef, patch: readonly object[]): Promise<KubeObject>;
  delete(ref: ObjectRef): Promise<void>;
  close(): Promise<void>;
}

export async function connect(kubeconfig: string): Promise<Kube> {
  const http = createKubeHttp(await loadAccess(kubeconfig, Date.now), { ...httpDefaults, userAgent: 'lockstep-test' });
  const kinds = await discoverKinds(http);
  const path = (ref: ObjectRef): Promise<string> => pathOf(kinds, ref);
  const patch = async (
    ref: ObjectRef,
    contentType: string,
    body: object,
    query: Record<string, string>,
  ): Promise<KubeObject> => {
    const answer = await http.request({
      method: 'PATCH',
      path: await path(ref),
      contentType,
      body: toJson(body),
      query,
    });
    return answer.body as KubeObject;
  };
  return {
    http,
    get: async (ref) => {
      try {
        return (await http.request({ method: 'GET', path: await path(ref) })).body as KubeObject;
      } catch (error) {
        if (error instanceof ApiError && (error.class === 'absent' || error.class === 'not-served')) return undefined;
        throw error;
      }
    },
    apply: async (object, manager = 'kubectl') => {
      const { namespace, name } = object.metadata;
      const ref = {
        apiVersion: object.apiVersion,
        kind: object.kind,
        name,
        ...(namespace === undefined ? {} : { namespace }),
      };
      return patch(ref, 'application/apply-patch+yaml', object, { fieldManager: manager, force: 'true' });
    },
    edit: (ref, body, manager = 'kubectl-edit') =>
      patch(ref, 'application/merge-patch+json', body, { fieldManager: manager }),
    jsonPatch: (ref, body) => patch(ref, 'application/json-patch+json', body, { fieldManager: 'kubectl-patch' }),
    delete: async (ref) => {
      await http.request({ method: 'DELETE', path: await path(ref) });
    },
    close: () => http.close(),
  };
}

async function pathOf(kinds: Kinds, ref: ObjectRef): Promise<string> {
  return objectPath(await findResource(kinds, ref.apiVersion, ref.kind), ref.namespace, ref.name);
}

/** Waits until a condition answers something, and says what was seen last when it never does. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, timeout = 20_000): Promise<T> {
  const began = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    const waited = performance.now() - began;
    if (waited > timeout) throw new Error(`waited ${timeout} ms in vain: ${what}`);
    // Often at first, then less so: what waits takes the machine from what works.
    await sleep(Math.min(50, Math.max(20, waited / 50)));
  }
}

/** Waits until an object does not exist any more. */
export async function gone(kube: Kube, ref: ObjectRef, timeout?: number): Promise<void> {
  await until(`${ref.kind} ${ref.name} is gone`, async () => (await kube.get(ref)) === undefined, timeout);
}
