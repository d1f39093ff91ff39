import { objectsAt } from '../../../diff/json.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { type Kube, until } from './kube.ts';

const collection = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;

/** The pods of a namespace, or those of them that carry a label. */
export async function podsOf(kube: Kube, namespace: string, labelSelector = ''): Promise<KubeObject[]> {
  const query = labelSelector === '' ? {} : { labelSelector };
  const { body } = await kube.http.request({ method: 'GET', path: collection(namespace), query });
  const items: unknown = objectsAt(body, 'items');
  return items as KubeObject[];
}

/** A pod of an image once it is there, however it is. */
export function podWith(kube: Kube, namespace: string, image: string): Promise<KubeObject> {
  return until(`a pod of ${image} is there`, async () =>
    (await podsOf(kube, namespace)).find((pod) => objectsAt(pod, 'spec', 'containers')[0]?.['image'] === image),
  );
}

/** Plays the kubelet: says how a pod is. */
export async function setPodStatus(kube: Kube, pod: KubeObject, status: object): Promise<void> {
  await kube.http.request({
    method: 'PATCH',
    path: `${collection(pod.metadata.namespace ?? '')}/${pod.metadata.name}/status`,
    contentType: 'application/merge-patch+json',
    body: JSON.stringify({ status }),
  });
}

/** The status of a container that ended with an exit code three times, and waits. */
export function crashing(name: string, image: string, exitCode: number): object {
  const end = { terminated: { exitCode, reason: 'Error', startedAt: null, finishedAt: null } };
  const state = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } };
  return { name, image, imageID: '', ready: false, restartCount: 3, state, lastState: end };
}
