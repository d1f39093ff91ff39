import { at, objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { containerStatuses } from '../../health/kinds/pod.ts';
import { rolloutOf } from '../../health/rollout.ts';
import { isAbsent, isForbidden, messageOf } from '../../sync/errors.ts';
import type { LogTail } from '../../sync/release/record.ts';
import { isKubeObject, type KubeObject } from '../../sync/types.ts';
import type { KubeHttp } from '../kube/http.ts';
import { itemsOf } from '../kube/lists.ts';
import { parseConnected, recordOptions } from './arguments.ts';
import { connected, readDeliveryObject } from './connection.ts';
import { type Action, mayI } from './may.ts';
import { readRecordOf } from './records.ts';
import { printable, printJson } from './table.ts';

/** Where the kinds are served whose pods have logs. */
const collections: Readonly<Record<string, readonly [group: string, plural: string]>> = {
  Deployment: ['/apis/apps/v1', 'deployments'],
  StatefulSet: ['/apis/apps/v1', 'statefulsets'],
  DaemonSet: ['/apis/apps/v1', 'daemonsets'],
  ReplicaSet: ['/apis/apps/v1', 'replicasets'],
  Job: ['/apis/batch/v1', 'jobs'],
  Pod: ['/api/v1', 'pods'],
};

/** What a container wrote last. */
interface Tail {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly text: string;
}

/**
 * `lockstep logs NAME`: the last lines of containers that are not well, asked of the API server as the user who calls; and
 * of the container that failed the last release, which is gone by now. The latter is for who may read that namespace's
 * logs, and the records.
 */
export async function logsCommand(args: readonly string[]): Promise<number> {
  const { words, flags, namespace, isJson } = parseConnected(args, ['NAME'], {
    ...recordOptions,
    tail: { type: 'string', default: '20' },
  });
  const [name = ''] = words;
  if (!/^[1-9]\d*$/.test(flags['tail'] ?? '')) throw new Error('--tail takes a number of lines');
  const { tails, refused } = await connected(flags['kubeconfig'], async (http) => {
    const delivery = await readDeliveryObject(http, namespace, name);
    const live = await liveTails(http, delivery, flags['tail'] ?? '20');
    const recorded = await recordedTail(http, flags['agent-namespace'] ?? '', delivery);
    if (typeof recorded === 'string') return { tails: live, refused: recorded };
    return { tails: recorded === undefined ? live : [...live, recorded], refused: undefined };
  });
  if (refused !== undefined) process.stderr.write(`lockstep logs: ${printable(refused)}\n`);
  if (refused !== undefined && tails.length === 0) return 1;
  if (isJson) printJson(tails);
  else if (tails.length === 0)
    process.stdout.write('no container of this Delivery is unwell, and none failed its last release\n');
  else for (const tail of tails) process.stdout.write(printed(tail));
  return 0;
}

function printed({ namespace, pod, container, text }: Tail): string {
  return `==> ${namespace}/${pod}, container ${container} <==\n${printable(text.trimEnd())}\n`;
}

/** The containers that are not ready, in pods of the workloads that the status names as unwell. */
async function liveTails(http: KubeHttp, delivery: KubeObject, lines: string): Promise<Tail[]> {
  const tails: Tail[] = [];
  for (const worst of objectsAt(delivery, 'status', 'worst')) {
    const collection = collections[textAt(worst, 'kind') ?? ''];
    const namespace = textAt(worst, 'namespace') ?? '';
    if (collection === undefined) continue;
    const path = `${collection[0]}/namespaces/${namespace}/${collection[1]}/${textAt(worst, 'name') ?? ''}`;
    const body = await http.request({ method: 'GET', path }).then(
      (answer) => answer.body,
      (error: unknown) => {
        if (!isAbsent(error)) throw error;
        return undefined;
      },
    );
    if (!isKubeObject(body)) continue;
    const selector = rolloutOf(body)?.selector;
    if (body.kind === 'Pod') tails.push(...(await tailsOf(http, namespace, body, lines)));
    if (selector === undefined) continue;
    const pods = await http.request({
      method: 'GET',
      path: `/api/v1/namespaces/${namespace}/pods`,
      query: { labelSelector: selector },
    });
    for (const pod of itemsOf(pods.body)) tails.push(...(await tailsOf(http, namespace, pod, lines)));
  }
  return tails;
}

async function tailsOf(http: KubeHttp, namespace: string, pod: KubeObject, tailLines: string): Promise<Tail[]> {
  const { name } = pod.metadata;
  const tails: Tail[] = [];
  for (const status of containerStatuses(pod)) {
    const isDone = at(status, 'state', 'terminated', 'exitCode') === 0;
    if (status['ready'] === true || isDone) continue;
    const container = textAt(status, 'name') ?? '';
    const hasEnded = at(status, 'lastState', 'terminated') !== undefined;
    const query = { container, tailLines, ...(hasEnded ? { previous: 'true' } : {}) };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/log`;
    const text = await http.text({ method: 'GET', path, query }).catch((error: unknown) => {
      if (isForbidden(error)) throw error;
      return `(no log: ${messageOf(error)})`;
    });
    tails.push({ namespace, pod: name, container, text });
  }
  return tails;
}

/**
 * What the record keeps of the last failure; or why it is not told. Who may not read logs there does not get it from here
 * either.
 */
async function recordedTail(
  http: KubeHttp,
  agentNamespace: string,
  delivery: KubeObject,
): Promise<Tail | string | undefined> {
  if (condition(delivery, 'Ready')?.status === 'True') return undefined;
  const tail = await readRecordOf(http, agentNamespace, delivery.metadata.uid ?? '').then(
    ({ logTail }) => logTail,
    (error: unknown) => `what the record keeps of the last failure can not be read: ${messageOf(error)}`,
  );
  if (typeof tail === 'string') return tail;
  // What was rejected never had a container.
  const last = objectsAt(delivery, 'status', 'history').find(({ verdict }) => verdict !== 'Rejected');
  const isLast = tail !== undefined && tail.sequence >= Number(last?.['sequence'] ?? 0);
  if (!isLast) return undefined;
  if (!(await mayI(http, logOf(tail))))
    return `the log of ${tail.pod.namespace}/${tail.pod.name}, which failed the last release, is not for you to read`;
  const { pod, container, text } = tail;
  return { namespace: pod.namespace ?? '', pod: pod.name, container, text };
}

function logOf({ pod: { namespace, name } }: LogTail): Action {
  return { verb: 'get', resource: 'pods', subresource: 'log', namespace, name };
}
