import { describe, expect, it } from 'vitest';
import { reconcile } from '../../../../sync/reconcile.ts';
import { pruneRemoved } from '../../../../sync/release/prune.ts';
import { deliveryLabel, shortUid } from '../../../../sync/stamp.ts';
import type { KubeObject } from '../../../../sync/types.ts';
import { file, object } from '../support/objects.ts';
import { entryOf, recordOf } from '../support/records.ts';
import { makeTurn, requestOf, uid } from '../support/turn.ts';

describe('what is wanted', () => {
  it('is not deleted under a name that was only guessed, although an apply of that name has no answer', async () => {
    const manifest = object('Gizmo', 'big', { apiVersion: 'x.io/v1' });
    const guessed = object('Gizmo', 'big', { apiVersion: 'x.io/v1', namespace: 'shop' });
    const live = { ...manifest, metadata: { name: 'big', uid: 'u', labels: { [deliveryLabel]: shortUid(uid) } } };
    const turn = makeTurn({
      record: recordOf([entryOf(manifest, {}), { ...entryOf(guessed), removed: true }], 'Pruning'),
    });
    turn.objects.set('Gizmo big', live as unknown as KubeObject);
    await pruneRemoved(turn);
    expect(turn.objects.has('Gizmo big')).toBe(true);
    expect([...turn.session.record.entries.keys()]).toEqual(['x.io/Gizmo//big']);
  });
});

describe('a Job that failed and is gone', () => {
  const kinds = [{ apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs', namespaced: true }];
  const job = object('Job', 'migration', {
    apiVersion: 'batch/v1',
    namespace: 'shop',
    spec: { ttlSecondsAfterFinished: 1 },
  });

  it('is run again when a person asks for a retry', async () => {
    const turn = makeTurn({ record: recordOf([entryOf(job, { spent: 'JobFailed' })], 'Applying'), kinds });
    turn.source.fault = undefined;
    turn.source.files = [file('job.yaml', JSON.stringify(job))];
    const { record } = turn.session;
    turn.session.record = { ...record, standing: { ...record.standing, state: 'Degraded' } };
    await reconcile({ ...turn, delivery: { ...turn.delivery, request: requestOf('retry@1') } });
    expect(turn.asked).toContain('apply Job migration');
    const [entry] = turn.stored?.entries.values() ?? [];
    expect(entry?.applied).toMatchObject({ sequence: 2 });
    expect(entry?.applied?.spent).toBeUndefined();
  });
});
