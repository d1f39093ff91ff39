import { describe, expect, it } from 'vitest';
import { hashValue } from '../../../diff/hash.ts';
import { ApiError } from '../../../sync/errors.ts';
import { entriesFor } from '../../../sync/plan/plan.ts';
import { reconcile } from '../../../sync/reconcile.ts';
import { emptyRecord, type ReleaseRecord } from '../../../sync/release/record.ts';
import { keyOf, refOf } from '../../../sync/types.ts';
import { object } from './support/objects.ts';
import { type FakeTurn, makeTurn } from './support/turn.ts';

const manifest = object('ConfigMap', 'a', { namespace: 'shop' });
const key = keyOf(refOf(manifest));

function released(): ReleaseRecord {
  const [entry] = entriesFor([{ key, manifest, hash: hashValue(manifest) }], emptyRecord()).values();
  if (entry === undefined) throw new Error('no entry');
  const applied = { uid: 'u', hash: entry.hash, owned: 'as applied', sequence: 1 };
  const target = { revision: 'a'.repeat(40), author: 'Ada', subject: 'one', input: 'x', startedAt: 0 };
  const good = { sequence: 1, revision: target.revision };
  return { ...emptyRecord(), sequence: 1, target, good, entries: new Map([[key, { ...entry, applied }]]) };
}

const off = { sync: { selfHeal: false } };
const gone = (turn: FakeTurn): void => turn.tell({ type: 'synced', present: new Set() });

describe('drift that is not to be undone', () => {
  it('is undone by a request that came before anything was seen', async () => {
    const turn = makeTurn({ spec: off, record: released() });
    const asking = { ...turn, delivery: { ...turn.delivery, request: { verb: 'sync', text: 'sync@1' } } };
    await reconcile(asking);
    expect(turn.asked).toEqual([]);
    gone(turn);
    await reconcile(asking);
    expect(turn.asked).toContain('apply ConfigMap a');
    // It was asked for once.
    expect(turn.session.healAsked).toBe(false);
  });

  it('is asked for once, but again when the API server did not answer', async () => {
    let isSilent = true;
    const silence = new ApiError('no answer', { status: 0, reason: '', class: 'transient' });
    const fault = () => (isSilent ? silence : undefined);
    const turn = makeTurn({ spec: off, record: released(), fault });
    await reconcile(turn);
    gone(turn);
    expect(await reconcile(turn)).toBeLessThanOrEqual(5_000);
    expect([...turn.session.drift.values()][0]?.text).toBe(
      'ConfigMap shop/a: differs, and can not be looked at: ConfigMap shop/a: no answer',
    );
    isSilent = false;
    for (let count = 0; count < 3; count += 1) await reconcile(turn);
    expect([...turn.session.drift.values()][0]?.text).toBe('ConfigMap shop/a: was deleted');
    expect(turn.asked).toEqual(['get ConfigMap a', 'get ConfigMap a']);
  });
});
