import { describe, expect, it } from 'vitest';
import { madeBy, makesOthers } from '../../../agent/made.ts';
import type { KubeObject } from '../../../sync/types.ts';

const workload = (kind: string, name: string): KubeObject =>
  ({
    apiVersion: kind === 'CronJob' ? 'batch/v1' : 'apps/v1',
    kind,
    metadata: { name, namespace: 'shop', uid: `uid-${name}` },
    spec: { selector: { matchLabels: { app: name } } },
  }) as unknown as KubeObject;
const owned = (kind: string, name: string, owner: string): KubeObject =>
  ({ kind, metadata: { name, ownerReferences: [{ uid: owner, controller: true }] } }) as unknown as KubeObject;

/** A cluster that tells what it was asked to list. */
function cluster(answer: (kind: string, selector: string) => KubeObject[]) {
  const asked: string[] = [];
  const list = async ({ kind }: { kind: string }, _namespace: string, selector: string): Promise<KubeObject[]> => {
    asked.push(`${kind} ${selector}`);
    return answer(kind, selector);
  };
  return { list, asked };
}

describe('what workloads have made', () => {
  it('is listed for each by what selects its pods, and Jobs once for a namespace', async () => {
    const { list, asked } = cluster((kind) =>
      kind === 'Job' ? [owned('Job', 'nightly-1', 'uid-nightly'), owned('Job', 'other-1', 'uid-other')] : [],
    );
    const made = await madeBy({ list }, [
      workload('Deployment', 'web'),
      workload('StatefulSet', 'db'),
      workload('CronJob', 'nightly'),
      workload('CronJob', 'weekly'),
    ]);
    expect(asked.sort()).toEqual([
      'Job ',
      'Pod app=db',
      'Pod app=web',
      'Pod batch.kubernetes.io/job-name in (nightly-1)',
      'ReplicaSet app=web',
    ]);
    expect(made.map((one) => (typeof one === 'string' ? one : one.length))).toEqual([0, 0, 1, 0]);
  });

  it('of one that may not be told keeps nobody from the others', async () => {
    const { list } = cluster((kind) => {
      if (kind === 'Job') throw new Error('jobs.batch is forbidden');
      return [owned('Pod', 'a', 'x')];
    });
    const made = await madeBy({ list }, [workload('CronJob', 'nightly'), workload('DaemonSet', 'agent')]);
    expect(made).toMatchObject(['jobs.batch is forbidden', [{ kind: 'Pod' }]]);
  });

  it('is looked at for a bounded number at once', async () => {
    const { list, asked } = cluster(() => []);
    const all = Array.from({ length: 60 }, (_one, index) => workload('DaemonSet', `d${index}`));
    const made = await madeBy({ list }, all);
    expect(asked).toHaveLength(50);
    expect(made.slice(0, 50)).toEqual(all.slice(0, 50).map(() => []));
    expect(made[50]).toContain('ask for a smaller page');
  });

  it('is asked of what makes others only', () => {
    expect(['Deployment', 'CronJob'].map((kind) => makesOthers(workload(kind, 'a')))).toEqual([true, true]);
    expect(makesOthers({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } })).toBe(false);
  });
});
