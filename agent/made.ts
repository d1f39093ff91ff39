import { isOwnedBy, rolloutOf } from '../health/rollout.ts';
import { messageOf } from '../sync/errors.ts';
import { inParallel } from '../sync/parallel.ts';
import type { Cluster } from '../sync/ports.ts';
import { groupOf, type KubeObject } from '../sync/types.ts';

/** Lists that are under way at once for one question, and objects that are asked about at most. */
const [parallel, most] = [4, 50];

const replicaSets = { apiVersion: 'apps/v1', kind: 'ReplicaSet' };
const jobs = { apiVersion: 'batch/v1', kind: 'Job' };
const pods = { apiVersion: 'v1', kind: 'Pod' };

/** Whether an object makes others that tell how it is: workloads, and what begins Jobs. */
export function makesOthers(object: KubeObject): boolean {
  return rolloutOf(object) !== undefined || isCronJob(object);
}

/** What an object has made, or why that can't be told. */
export type Made = readonly KubeObject[] | string;

/** What each of some objects has made, down to pods, in their order: a list or two for each, limited to what is theirs. */
export async function madeBy({ list }: Pick<Cluster, 'list'>, objects: readonly KubeObject[]): Promise<Made[]> {
  const jobsIn = new Map<string, Promise<KubeObject[]>>();
  /** Jobs have no label of what began them: those of a namespace are listed once for all. */
  const listJobs = (namespace: string): Promise<KubeObject[]> => {
    const listed = jobsIn.get(namespace) ?? list(jobs, namespace, '');
    jobsIn.set(namespace, listed);
    return listed;
  };
  return inParallel(objects, parallel, async (object) => {
    if (objects.indexOf(object) >= most)
      return `more than ${most} workloads at once are not looked at: ask for a smaller page`;
    try {
      return isCronJob(object) ? await ofCronJob(list, listJobs, object) : await ofWorkload(list, object);
    } catch (error) {
      return messageOf(error);
    }
  });
}

async function ofWorkload(list: Cluster['list'], object: KubeObject): Promise<KubeObject[]> {
  const { namespace = '' } = object.metadata;
  const rollout = rolloutOf(object);
  if (rollout === undefined) return [];
  const kinds = rollout.by === 'ReplicaSet' ? [replicaSets, pods] : [pods];
  return (await Promise.all(kinds.map((kind) => list(kind, namespace, rollout.selector)))).flat();
}

async function ofCronJob(
  list: Cluster['list'],
  listJobs: (namespace: string) => Promise<KubeObject[]>,
  { metadata: { namespace = '', uid } }: KubeObject,
): Promise<KubeObject[]> {
  const own = (await listJobs(namespace)).filter((job) => isOwnedBy(job, uid));
  if (own.length === 0) return [];
  const names = own.map(({ metadata }) => metadata.name).join(',');
  return [...own, ...(await list(pods, namespace, `batch.kubernetes.io/job-name in (${names})`))];
}

function isCronJob({ apiVersion, kind }: KubeObject): boolean {
  return kind === 'CronJob' && groupOf(apiVersion) === 'batch';
}
