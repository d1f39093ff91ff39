import { rolloutOf } from '../health/rollout.ts';
import { inParallel } from '../sync/parallel.ts';
import type { Cluster } from '../sync/ports.ts';
import { groupOf, type KubeObject } from '../sync/types.ts';

/** Lists that are under way at once for one question. */
const parallel = 8;

const replicaSets = { apiVersion: 'apps/v1', kind: 'ReplicaSet' };
const jobs = { apiVersion: 'batch/v1', kind: 'Job' };
const pods = { apiVersion: 'v1', kind: 'Pod' };

/** Whether an object makes others that tell how it is: workloads, and what begins Jobs. */
export function makesOthers(object: KubeObject): boolean {
  return rolloutOf(object) !== undefined || isCronJob(object);
}

/**
 * What workloads have made, down to pods: a list or two for each of them, limited to what is theirs.
 * @throws ApiError where the account may not list it
 */
export async function madeBy(cluster: Pick<Cluster, 'list'>, objects: readonly KubeObject[]): Promise<KubeObject[]> {
  const found = await inParallel(objects, parallel, (object) => madeByOne(cluster, object));
  return found.flat();
}

async function madeByOne({ list }: Pick<Cluster, 'list'>, object: KubeObject): Promise<KubeObject[]> {
  const { namespace = '', uid } = object.metadata;
  if (isCronJob(object)) {
    const all = await list(jobs, namespace, '');
    const own = all.filter(({ metadata }) => JSON.stringify(metadata['ownerReferences'] ?? []).includes(`"${uid}"`));
    const names = own.map(({ metadata }) => metadata.name).join(',');
    return own.length === 0
      ? []
      : [...own, ...(await list(pods, namespace, `batch.kubernetes.io/job-name in (${names})`))];
  }
  const rollout = rolloutOf(object);
  if (rollout === undefined) return [];
  const kinds = rollout.by === 'ReplicaSet' ? [replicaSets, pods] : [pods];
  return (await Promise.all(kinds.map((kind) => list(kind, namespace, rollout.selector)))).flat();
}

function isCronJob({ apiVersion, kind }: KubeObject): boolean {
  return kind === 'CronJob' && groupOf(apiVersion) === 'batch';
}
