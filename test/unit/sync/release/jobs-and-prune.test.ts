import { describe, expect, it } from 'vitest';
import { reconcile } from '../../../../sync/reconcile.ts';
import { pruneRemoved } from '../../../../sync/release/prune.ts';
import { deliveryLabel, shortUid } from '../../../../sync/stamp.ts';
import type { KubeObject } from '../../../../sync/types.ts';
import { object } from '../support/objects.ts';
import { entryOf, recordOf } from '../support/records.ts';
import { makeTurn, uid } from '../support/turn.ts';

describe('what is wanted', () => {
  it('is not deleted under a name that was only guessed, although an apply of that name has no answer', async () => {
    const manifest = object('Gizmo', 'big', { apiVersion: 'x.io/v1' });
    const guessed = object('Gizmo', 'big', { apiVersion: 'x.io/v1', namespace: 'shop' });
    const live = { ...manifest, metadata: { name: 'big', uid: 'u', labels: { [deliveryLabel]: shortUid(uid) } } };
    const turn = makeTurn({
      record: recordOf([entryOf(manifest, {}), { ...entryOf(guessed), removed: true }], 'Releasing'),
    });
    turn.objects.set('Gizmo big', live as unknown as KubeObject);
    await pruneRemoved(turn);
    expect(turn.objects.has('Gizmo big')).toBe(true);
    expect([...turn.session.record.entries.keys()]).toEqual(['x.io/Gizmo//big']);
  });
});

describe('a Job that failed and is gone', () => {
  const job = object('Job', 'migration', {
    apiVersion: 'batch/v1',
    namespace: 'shop',
    spec: { ttlSecondsAfterFinished: 1 },
  });

  it.each(['Released', 'Releasing'] as const)('is run again by request, when %s', async (phase) => {
    const turn = makeTurn({ record: recordOf([entryOf(job, { spent: 'JobFailed' })], phase) });
    const asking = { ...turn, delivery: { ...turn.delivery, request: { verb: 'sync', text: 'sync@1' } } };
    await reconcile(asking);
    expect(turn.asked).toContain('apply Job migration');
    expect(turn.session.record.sequence).toBe(phase === 'Released' ? 2 : 1);
    const [entry] = turn.stored?.entries.values() ?? [];
    expect(entry?.applied).toMatchObject({ sequence: turn.session.record.sequence });
    expect(entry?.applied?.spent).toBeUndefined();
  });
});
