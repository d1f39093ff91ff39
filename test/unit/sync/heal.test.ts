import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../sync/errors.ts';
import { reconcile } from '../../../sync/reconcile.ts';
import type { Turn } from '../../../sync/session.ts';
import { statusOf } from '../../../sync/status.ts';
import { keyOf, refOf } from '../../../sync/types.ts';
import { file, object } from './support/objects.ts';
import { entryOf, recordOf } from './support/records.ts';
import { type FakeTurn, makeTurn, requestOf } from './support/turn.ts';

const manifest = object('ConfigMap', 'a', { namespace: 'shop' });
const key = keyOf(refOf(manifest));
const kinds = [{ apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }];

const released = (of = manifest) => recordOf([entryOf(of, { owned: 'as applied' })], 'Synced');
const off = { sync: { selfHeal: false } };
const gone = (turn: FakeTurn): void => {
  turn.tell({ type: 'synced', present: new Set() });
  turn.tell({ type: 'opened' });
};
const silence = new ApiError('no answer', { status: 0, reason: '', class: 'transient' });
const refusal = new ApiError('a webhook says no', { status: 403, reason: '', class: 'forbidden' });
const asking = (turn: FakeTurn): Turn => ({
  ...turn,
  delivery: { ...turn.delivery, request: requestOf('sync@1') },
});
const acknowledged = ({ delivery, session }: Turn) => statusOf(delivery, session, () => undefined, 0, {}).lastRequest;

describe('drift that is not to be undone', () => {
  it('is undone by a request that came before anything was seen', async () => {
    const turn = makeTurn({ spec: off, record: released() });
    await reconcile(asking(turn));
    expect(turn.asked).toEqual([]);
    // A list that failed is nothing that was seen.
    turn.tell({ type: 'failed', error: silence });
    await reconcile(asking(turn));
    expect(acknowledged(turn)).toBeUndefined();
    gone(turn);
    await reconcile(asking(turn));
    expect(turn.asked).toContain('apply ConfigMap a');
    // It was asked for once.
    expect(turn.session.healAsked).toBe(false);
    expect(acknowledged(turn)).toBe('sync@1');
  });

  it('stays once more when the request was refused for a lasting reason', async () => {
    const turn = makeTurn({ spec: off, record: released(), fault: () => refusal });
    await reconcile(turn);
    gone(turn);
    await reconcile(asking(turn));
    expect(turn.session.healTrouble?.message).toBe('ConfigMap shop/a: a webhook says no');
    expect(acknowledged(turn)).toBe('sync@1');
    expect(turn.session.healAsked).toBe(false);
  });

  it('that the API server refuses to look at costs less and less', async () => {
    const turn = makeTurn({ spec: off, record: released(), fault: () => refusal });
    await reconcile(turn);
    gone(turn);
    for (let second = 0; second < 600; second += 1) {
      turn.now += 1_000;
      await reconcile(turn);
    }
    expect(turn.asked.length).toBeLessThanOrEqual(8);
  });

  it('ends with the release that brings what is wanted', async () => {
    const turn = makeTurn({ spec: off, record: released(), kinds });
    turn.source.tip = 'b'.repeat(40);
    await reconcile(turn);
    gone(turn);
    await reconcile(turn);
    expect([...turn.session.drift.keys()]).toEqual([key]);
    turn.source.fault = undefined;
    turn.source.files = [file('a.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: "2"}\n')];
    turn.now += 100_000;
    await reconcile(turn);
    expect(turn.objects.get('ConfigMap a')).toMatchObject({ data: { a: '2' } });
    expect([...turn.session.drift.keys()]).toEqual([]);
  });

  it('is asked for once, but again when the API server did not answer', async () => {
    let isSilent = true;
    const fault = () => (isSilent ? silence : undefined);
    const turn = makeTurn({ spec: off, record: released(), fault });
    await reconcile(turn);
    gone(turn);
    expect(await reconcile(turn)).toBeLessThanOrEqual(5_000);
    expect([...turn.session.drift.values()][0]?.text).toBe(
      'ConfigMap shop/a: differs, and can not be looked at: ConfigMap shop/a: no answer',
    );
    isSilent = false;
    for (let count = 0; count < 3; count += 1) {
      turn.now += 6_000;
      await reconcile(turn);
    }
    expect([...turn.session.drift.values()][0]?.text).toBe('ConfigMap shop/a: was deleted');
    expect(turn.asked).toEqual(['get ConfigMap a', 'get ConfigMap a']);
  });
});

describe('a drift that can not be undone', () => {
  it.each([
    ['ConfigMap', {}],
    ['Job', { ttlSecondsAfterFinished: 60 }],
  ])('of a %s is tried five times a minute, no more', async (kind, spec) => {
    const other = object(kind, 'a', { apiVersion: kind === 'Job' ? 'batch/v1' : 'v1', namespace: 'shop', spec });
    const turn = makeTurn({
      record: released(other),
      fault: (request) => (request.startsWith('apply') ? refusal : undefined),
    });
    turn.objects.set(`${kind} a`, { ...other, metadata: { ...other.metadata, uid: 'u', resourceVersion: '9' } });
    await reconcile(turn);
    gone(turn);
    for (let second = 0; second < 55; second += 1) {
      turn.now += 1_000;
      await reconcile(turn);
    }
    expect(turn.asked.filter((request) => request.startsWith('apply'))).toHaveLength(5);
    expect(turn.session.healTrouble?.message).toBe(`${kind} shop/a: a webhook says no`);
  });
});
