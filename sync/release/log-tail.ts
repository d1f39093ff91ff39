import { numberAt, textAt } from '../../diff/json.ts';
import { containerStatuses } from '../../health/kinds/pod.ts';
import { targetOf } from '../delivery/target.ts';
import type { Cluster } from '../ports.ts';
import type { Failing, Turn } from '../session.ts';
import { type KubeObject, type ObjectRef, refOf } from '../types.ts';
import type { LogTail } from './record.ts';

type Container = Exclude<Failing, { readonly job: ObjectRef }>;

const lines = 20;
const mostCharacters = 8_000;
/** A log that takes longer is not waited for: bringing good back is more urgent. Milliseconds. */
const patience = 400;

/**
 * Reads what the container that failed a release wrote last, as the Delivery's account: once good is back, its pod is
 * gone. It is kept in the record only, and never shown in a status, an event or a log of ours.
 */
export async function readTail({ delivery, session, world }: Turn): Promise<LogTail | undefined> {
  const { failing } = session;
  const { target } = session.record.standing;
  session.failing = undefined;
  if (failing === undefined || target === undefined) return undefined;
  const { list, logs } = world.cluster(targetOf(delivery));
  const found = 'job' in failing ? await lastOfJob(list, failing.job) : failing;
  if (found === undefined) return undefined;
  const { pod, container, previous } = found;
  const current = () => logs(pod, container, { lines, previous: false });
  const read = (previous ? logs(pod, container, { lines, previous }).catch(current) : current()).catch(() => undefined);
  const text = await Promise.race([read, world.clock.sleep(patience).then(() => undefined)]);
  if (text === undefined || text === '') return undefined;
  return { sequence: target.sequence, pod, container, text: text.slice(-mostCharacters) };
}

/** The container that ended badly in the newest pod of a Job. */
async function lastOfJob(list: Cluster['list'], job: ObjectRef): Promise<Container | undefined> {
  const pods = await list(
    { apiVersion: 'v1', kind: 'Pod' },
    job.namespace ?? '',
    `batch.kubernetes.io/job-name=${job.name}`,
  ).catch(() => []);
  const made = (pod: KubeObject): string => textAt(pod, 'metadata', 'creationTimestamp') ?? '';
  for (const pod of pods.toSorted((a, b) => (made(a) < made(b) ? 1 : -1))) {
    const ended = containerStatuses(pod).find(
      (status) => (numberAt(status, 'state', 'terminated', 'exitCode') ?? 0) !== 0,
    );
    const container = textAt(ended, 'name');
    if (container !== undefined) return { pod: refOf(pod), container, previous: false };
  }
  return undefined;
}
