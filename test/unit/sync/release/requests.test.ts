import { describe, expect, it } from 'vitest';
import { reconcile } from '../../../../sync/reconcile.ts';
import { statusOf } from '../../../../sync/status.ts';
import { object } from '../support/objects.ts';
import { entryOf, recordOf } from '../support/records.ts';
import { type FakeTurn, makeTurn, requestOf } from '../support/turn.ts';

const asking = (turn: FakeTurn, text: string): FakeTurn => ({
  ...turn,
  delivery: { ...turn.delivery, request: requestOf(text) },
});
const good = () =>
  makeTurn({ record: recordOf([entryOf(object('ConfigMap', 'a', { namespace: 'shop' }), {})], 'Synced') });

describe('what a person asks for', () => {
  it('is done when the record can be written again, and not acknowledged before', async () => {
    const turn = good();
    const { save } = turn.world.records;
    turn.world.records = { ...turn.world.records, save: () => Promise.reject(new Error('the API server is away')) };
    const asked = asking(turn, 'suspend@1');
    await expect(reconcile(asked)).rejects.toThrow('the API server is away');
    const told = () => statusOf(asked.delivery, asked.session, () => undefined, 0, {});
    expect(told().lastRequest).toBeUndefined();
    turn.world.records = { ...turn.world.records, save };
    await reconcile(asked);
    expect(asked.session.record.standing.state).toBe('Suspended');
    expect(told()).toMatchObject({ lastRequest: 'suspend@1' });
    expect(told().requestRefused).toBeUndefined();
  });

  it.each([
    ['constructor@1', 'this version knows sync, confirm, approve, retry,'],
    ['__proto__@1', 'this version knows sync, confirm, approve, retry,'],
    ['dance@1', 'this version knows sync, confirm, approve, retry,'],
    [`sync@${'x'.repeat(3_000)}`, 'a request has at most 1000 characters'],
  ])('is refused with what could be asked: %s', async (text, expected) => {
    const asked = asking(good(), text);
    await reconcile(asked);
    const { requestRefused, lastRequest } = statusOf(asked.delivery, asked.session, () => undefined, 0, {});
    expect(requestRefused).toContain(expected);
    expect(lastRequest?.length).toBeLessThanOrEqual(2_000);
  });

  it('is not told as refused because the one before it was', () => {
    const turn = good();
    turn.session.record = { ...turn.session.record, lastRequest: 'retry@2' };
    const before = { lastRequest: 'accept@1', requestRefused: 'accept needs a name' };
    const told = statusOf(turn.delivery, turn.session, () => undefined, 0, before);
    expect(told).toMatchObject({ lastRequest: 'retry@2' });
    expect(told.requestRefused).toBeUndefined();
  });
});
