import { at, isObject, objectsAt, textAt, toJson } from '../diff/json.ts';
import { isAbsent } from '../sync/errors.ts';
import type { KubeHttp } from './kube/http.ts';

/** A Secret of the agent's own namespace. Its values are as they are stored: base64. */
export interface StoredSecret {
  readonly version: string;
  readonly data: Readonly<Record<string, string>>;
}

/** The Secrets that hold records. */
export interface RecordSecrets {
  get(name: string): Promise<StoredSecret | undefined>;
  /**
   * Writes a Secret on top of the version that was read; without one it must not exist.
   * @returns its new version
   * @throws ApiError of status 409 when somebody else has written it
   */
  put(
    owner: string,
    name: string,
    data: Readonly<Record<string, string>>,
    version: string | undefined,
  ): Promise<string>;
  remove(name: string): Promise<void>;
  /** The names of everything that is stored for a Delivery. */
  namesOf(owner: string): Promise<string[]>;
}

const ownerLabel = 'lockstep.dev/record';

export function createRecordSecrets(http: KubeHttp, namespace: string): RecordSecrets {
  const collection = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
  return {
    get: async (name) => {
      try {
        const { body } = await http.request({ method: 'GET', path: `${collection}/${name}` });
        const data = at(body, 'data');
        const plain: unknown = isObject(data) ? data : {};
        return { version: textAt(body, 'metadata', 'resourceVersion') ?? '', data: plain as Record<string, string> };
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    put: async (owner, name, data, version) => {
      const isNew = version === undefined;
      const metadata = {
        name,
        namespace,
        labels: { [ownerLabel]: owner },
        ...(isNew ? {} : { resourceVersion: version }),
      };
      const answer = await http.request({
        method: isNew ? 'POST' : 'PUT',
        path: isNew ? collection : `${collection}/${name}`,
        body: toJson({ apiVersion: 'v1', kind: 'Secret', metadata, type: 'lockstep.dev/record', data }),
        contentType: 'application/json',
        ref: { apiVersion: 'v1', kind: 'Secret', name },
      });
      return textAt(answer.body, 'metadata', 'resourceVersion') ?? '';
    },
    remove: async (name) => {
      try {
        await http.request({ method: 'DELETE', path: `${collection}/${name}` });
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    },
    namesOf: async (owner) => {
      const query = { labelSelector: `${ownerLabel}=${owner}` };
      const { body } = await http.request({ method: 'GET', path: collection, query });
      return objectsAt(body, 'items').flatMap((item) => textAt(item, 'metadata', 'name') ?? []);
    },
  };
}
