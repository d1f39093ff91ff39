import { describe, expect, it } from 'vitest';
import { freeStuckPods } from '../../../../sync/release/rollback.ts';
import type { KubeObject } from '../../../../sync/types.ts';
import { object } from '../support/objects.ts';
import { entryOf, recordOf } from '../support/records.ts';
import { makeTurn, uid } from '../support/turn.ts';

const set = (partition: number): KubeObject =>
  object('StatefulSet', 'db', {
    apiVersion: 'apps/v1',
    namespace: 'shop',
    spec: { selector: { matchLabels: { app: 'db' } }, updateStrategy: { rollingUpdate: { partition } } },
  });

function pod(
  name: string,
  revision: string,
  options: { ready?: boolean; owner?: string; waiting?: string } = {},
): KubeObject {
  const { ready = false, owner = 'u', waiting } = options;
  const state = waiting === undefined ? { running: {} } : { waiting: { reason: waiting } };
  const made: unknown = {
    ...object('Pod', name, { namespace: 'shop' }),
    metadata: {
      name,
      namespace: 'shop',
      labels: { 'controller-revision-hash': revision },
      ownerReferences: [{ uid: owner }],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'main', ready, restartCount: 0, state }],
    },
  };
  return made as KubeObject;
}

/** The pods that are deleted of those that a StatefulSet selects, while its newest revision is `new`. */
async function freed(
  pods: readonly KubeObject[],
  how: { partition?: number; isBack?: boolean } = {},
): Promise<string[]> {
  const manifest = set(how.partition ?? 0);
  const entry = entryOf(manifest, {});
  const record = recordOf([entry], 'Applying');
  const { standing } = record;
  const bad = how.isBack === true ? standing.target : undefined;
  const turn = makeTurn({ record: { ...record, standing: { ...standing, bad } } });
  const { cluster } = turn.world;
  turn.world.cluster = (identity) => ({ ...cluster(identity), list: async () => [...pods] });
  turn.world.watcher.follow(uid, 'lockstep', record.entries);
  turn.world.watcher.learn(uid, entry.key, {
    ...manifest,
    metadata: { ...manifest.metadata, uid: 'u', resourceVersion: '2' },
    status: { observedGeneration: 1, updateRevision: 'new', currentRevision: 'old', readyReplicas: 0 },
  });
  await freeStuckPods(turn, [entry]);
  return turn.asked
    .filter((request) => request.startsWith('delete'))
    .map((request) => request.slice('delete Pod '.length));
}

describe('the pods of a StatefulSet that its controller leaves as they are', () => {
  it('are deleted when they are of an old revision and not ready, and no others are, on the way back', async () => {
    const pods = [
      pod('db-0', 'old', { ready: true }),
      pod('db-1', 'old'),
      pod('db-2', 'new'),
      pod('db-3', 'old', { owner: 'somebody' }),
    ];
    expect(await freed(pods, { isBack: true })).toEqual(['db-1']);
  });

  it('are deleted on the way forward only if they are broken right now', async () => {
    const pods = [pod('db-0', 'old'), pod('db-1', 'old', { waiting: 'ErrImagePull' })];
    expect(await freed(pods)).toEqual(['db-1']);
  });

  it('stay below the partition: there the old revision is the right one', async () => {
    const pods = [pod('db-1', 'old'), pod('db-2', 'old')];
    expect(await freed(pods, { partition: 2, isBack: true })).toEqual(['db-2']);
  });
});
