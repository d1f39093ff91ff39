import { at, objectsAt, textAt } from '../diff/json.ts';
import { condition } from '../health/kinds/conditions.ts';
import { containerStatuses } from '../health/kinds/pod.ts';
import { rolloutOf } from '../health/rollout.ts';
import { isAbsent, isForbidden, messageOf } from '../sync/errors.ts';
import type { ApiResource } from '../sync/ports.ts';
import type { LogTail } from '../sync/release/record.ts';
import { isKubeObject, type KubeObject } from '../sync/types.ts';
import type { KubeHttp } from './kube/http.ts';
import { itemsOf } from './kube/lists.ts';
import { logQuery } from './kube/logs.ts';
import type { Action } from './kube/may.ts';
import { collectionPath, objectPath } from './kube/paths.ts';

/** Where the kinds are served whose pods have logs. */
const pods = resourceOf('v1', 'Pod', 'pods');
const withLogs = new Map(
  [
    resourceOf('apps/v1', 'Deployment', 'deployments'),
    resourceOf('apps/v1', 'StatefulSet', 'statefulsets'),
    resourceOf('apps/v1', 'DaemonSet', 'daemonsets'),
    resourceOf('apps/v1', 'ReplicaSet', 'replicasets'),
    resourceOf('batch/v1', 'Job', 'jobs'),
    pods,
  ].map((resource) => [resource.kind, resource]),
);

function resourceOf(apiVersion: string, kind: string, plural: string): ApiResource {
  return { apiVersion, kind, plural, namespaced: true };
}

/** What a container wrote last. */
export interface Tail {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly text: string;
}

/** Pods of one workload that are looked at, and characters at the end of one log that are kept, at most. */
const [mostPods, mostKept] = [10, 65_536];

/**
 * The containers that are not ready, in pods of the workloads that the status names as unwell.
 * @param mayRead whether the log of a pod is for the one who asks; asked before anything is read
 */
export async function liveTails(
  http: KubeHttp,
  delivery: KubeObject,
  lines: string,
  mayRead: (pod: KubeObject) => Promise<boolean> = async () => true,
): Promise<Tail[]> {
  const tails: Tail[] = [];
  const read = async (pod: KubeObject): Promise<void> => {
    if (await mayRead(pod)) tails.push(...(await tailsOf(http, pod.metadata.namespace ?? '', pod, lines)));
  };
  for (const worst of objectsAt(delivery, 'status', 'worst')) {
    const resource = withLogs.get(textAt(worst, 'kind') ?? '');
    const namespace = textAt(worst, 'namespace') ?? '';
    if (resource === undefined) continue;
    const path = objectPath(resource, namespace, textAt(worst, 'name') ?? '');
    const body = await http.request({ method: 'GET', path }).then(
      (answer) => answer.body,
      (error: unknown) => {
        if (!isAbsent(error)) throw error;
        return undefined;
      },
    );
    if (!isKubeObject(body)) continue;
    const selector = rolloutOf(body)?.selector;
    if (body.kind === 'Pod') await read(body);
    if (selector === undefined) continue;
    const found = await http.request({
      method: 'GET',
      path: collectionPath(pods, namespace),
      query: { labelSelector: selector },
    });
    for (const pod of itemsOf(found.body).slice(0, mostPods)) await read(pod);
  }
  return tails;
}

async function tailsOf(http: KubeHttp, namespace: string, pod: KubeObject, lines: string): Promise<Tail[]> {
  const { name } = pod.metadata;
  const tails: Tail[] = [];
  for (const status of containerStatuses(pod)) {
    const isDone = at(status, 'state', 'terminated', 'exitCode') === 0;
    if (status['ready'] === true || isDone) continue;
    const container = textAt(status, 'name') ?? '';
    const hasEnded = at(status, 'lastState', 'terminated') !== undefined;
    const query = logQuery(container, lines, hasEnded);
    const path = `${objectPath(pods, namespace, name)}/log`;
    const text = await http.text({ method: 'GET', path, query }).catch((error: unknown) => {
      if (isForbidden(error)) throw error;
      return `(no log: ${messageOf(error)})`;
    });
    tails.push({ namespace, pod: name, container, text: text.slice(-mostKept) });
  }
  return tails;
}

/** What a record keeps of the last failure, while that is the last thing that happened; undefined otherwise. */
export function lastFailure(delivery: KubeObject, tail: LogTail | undefined): LogTail | undefined {
  if (condition(delivery, 'Ready')?.status === 'True') return undefined;
  // What was rejected never had a container.
  const last = objectsAt(delivery, 'status', 'history').find(({ verdict }) => verdict !== 'Rejected');
  return tail !== undefined && tail.sequence >= Number(last?.['sequence'] ?? 0) ? tail : undefined;
}

/** A recorded tail as it is told. */
export function tailOf({ pod, container, text }: LogTail): Tail {
  return { namespace: pod.namespace ?? '', pod: pod.name, container, text };
}

/** The right that its log needs. */
export function logOf({ pod: { namespace, name } }: LogTail): Action {
  return { verb: 'get', resource: 'pods', subresource: 'log', namespace, name };
}
