import { condition } from '../../health/kinds/conditions.ts';
import { messageOf } from '../../sync/errors.ts';
import type { KubeObject } from '../../sync/types.ts';
import { mayI } from '../kube/may.ts';
import { printable } from '../printable.ts';
import { lastFailure, liveTails, logOf, type Tail, tailOf } from '../tails.ts';
import { parseConnected, recordOptions } from './arguments.ts';
import { atTarget, type Clusters, connected, readDeliveryObject } from './connection.ts';
import { readRecordOf } from './records.ts';
import { printJson } from './table.ts';

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
    return atTarget(http, delivery, async (clusters) => {
      const live = await liveTails(clusters.target, delivery, flags['tail'] ?? '20');
      const recorded = await recordedTail(clusters, flags['agent-namespace'] ?? '', delivery);
      if (typeof recorded === 'string') return { tails: live, refused: recorded };
      return { tails: recorded === undefined ? live : [...live, recorded], refused: undefined };
    });
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

/**
 * What the record keeps of the last failure; or why it is not told. Who may not read logs there does not get it from here
 * either.
 */
async function recordedTail(
  { http, target }: Clusters,
  agentNamespace: string,
  delivery: KubeObject,
): Promise<Tail | string | undefined> {
  if (condition(delivery, 'Ready')?.status === 'True') return undefined;
  const stored = await readRecordOf(http, agentNamespace, delivery.metadata.uid ?? '').then(
    ({ logTail }) => ({ logTail }),
    (error: unknown) => `what the record keeps of the last failure can not be read: ${messageOf(error)}`,
  );
  if (typeof stored === 'string') return stored;
  const tail = lastFailure(delivery, stored.logTail);
  if (tail === undefined) return undefined;
  if (!(await mayI(target, logOf(tail))))
    return `the log of ${tail.pod.namespace}/${tail.pod.name}, which failed the last release, is not for you to read`;
  return tailOf(tail);
}
