import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../sync/errors.ts';
import { teardown } from '../../../sync/teardown.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { object } from './support/objects.ts';
import { entryOf, recordOf } from './support/records.ts';
import { makeTurn } from './support/turn.ts';

const map = object('ConfigMap', 'a', { namespace: 'shop' });
const forbidden = new ApiError('may not', { status: 403, reason: 'Forbidden', class: 'forbidden' });

describe('a Delivery that is being deleted', () => {
  it('waits for what can not be deleted until its deadline, and then leaves it behind with a word', async () => {
    const turn = makeTurn({
      record: recordOf([entryOf(map, {})], 'Synced'),
      fault: (request) => (request.startsWith('delete') ? forbidden : undefined),
    });
    turn.objects.set('ConfigMap a', { ...map, metadata: { ...map.metadata, uid: 'u' } } as unknown as KubeObject);
    const told: string[] = [];
    turn.world.tellNamespace = (_namespace, reason, message) => told.push(`${reason}: ${message}`);
    const deleting = { ...turn, delivery: { ...turn.delivery, deleting: true, deletedAt: turn.now } };
    expect(await teardown(deleting)).toBeGreaterThan(0);
    turn.now += turn.delivery.deadline - 1;
    expect(await teardown(deleting)).toBeGreaterThan(0);
    expect(told).toEqual([]);
    turn.now += 2;
    expect(await teardown(deleting)).toBeUndefined();
    expect(told).toEqual([
      'LeftBehind: the deadline has passed and ConfigMap shop/a: may not; left behind: ConfigMap shop/a',
    ]);
    expect(turn.objects.has('ConfigMap a')).toBe(true);
  });
});
