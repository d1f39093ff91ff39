import { textAt } from '../../diff/json.ts';
import { deliveryResource } from '../../sync/delivery/crd.ts';
import { unlimited } from '../../sync/limits.ts';
import type { Cluster, Kinds } from '../../sync/ports.ts';
import { parseYaml } from '../../sync/render/yaml.ts';
import { isKubeObject, type KubeObject } from '../../sync/types.ts';
import { loadAccess } from '../kube/client.ts';
import { createCluster } from '../kube/cluster.ts';
import { lateKinds } from '../kube/discovery.ts';
import { createKubeHttp, type KubeHttp } from '../kube/http.ts';
import { objectPath } from '../kube/paths.ts';
import { type LoginDeps, readLogin } from '../remote-login.ts';
import { usualKubeconfig } from './kubeconfig.ts';

/** Speaks to the cluster that kubectl would speak to, as the same user, and closes the connection. */
export async function connected<T>(kubeconfig: string | undefined, speak: (http: KubeHttp) => Promise<T>): Promise<T> {
  const http = createKubeHttp(await loadAccess(kubeconfig ?? usualKubeconfig(process.env), Date.now));
  try {
    return await speak(http);
  } finally {
    await http.close();
  }
}

/** The agent's own cluster, and the one that is the target: most often the same. */
export interface Clusters {
  readonly http: KubeHttp;
  readonly target: KubeHttp;
}

/**
 * Speaks to the cluster that is the target of a Delivery: as the same user, or, where that is another cluster, by its login,
 * which the user must be able to read.
 */
export async function atTarget<T>(
  http: KubeHttp,
  delivery: KubeObject,
  speak: (clusters: Clusters) => Promise<T>,
): Promise<T> {
  const { namespace = '' } = delivery.metadata;
  const name = textAt(delivery, 'spec', 'target', 'kubeconfigSecretRef', 'name');
  if (name === undefined) return speak({ http, target: http });
  const login = await readLogin(clusterAsCaller(http, lateKinds(http)), { namespace, name }, loginDeps);
  const target = login.connect();
  try {
    return await speak({ http, target });
  } finally {
    await target.close();
  }
}

const loginDeps: LoginDeps = {
  userAgent: 'lockstep',
  parse: parseYaml,
  limits: () => unlimited,
  guard: (http) => http,
  observe: () => undefined,
};

/** Reads a Delivery. @throws ApiError */
export async function readDeliveryObject(http: KubeHttp, namespace: string, name: string): Promise<KubeObject> {
  const { body } = await http.request({ method: 'GET', path: objectPath(deliveryResource, namespace, name) });
  if (!isKubeObject(body)) throw new Error(`${namespace}/${name} is no Delivery`);
  return body;
}

/** The API server as the user who calls sees it. */
export function clusterAsCaller(http: KubeHttp, kinds: Kinds): Cluster {
  return createCluster(http, kinds, undefined, async () => undefined);
}
