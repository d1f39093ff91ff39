import { deliveryResource } from '../../sync/delivery/crd.ts';
import type { Cluster, Kinds } from '../../sync/ports.ts';
import { isKubeObject, type KubeObject } from '../../sync/types.ts';
import { loadAccess } from '../kube/client.ts';
import { createCluster } from '../kube/cluster.ts';
import { createKubeHttp, type KubeHttp } from '../kube/http.ts';
import { objectPath } from '../kube/paths.ts';
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
