import { describe, expect, it } from 'vitest';
import { LockstepError } from '../../../sync/errors.ts';
import { findRevision } from '../../../sync/find.ts';
import { lookAtSource } from '../../../sync/session.ts';
import { file } from './support/objects.ts';
import { makeTurn } from './support/turn.ts';

describe('a revision that can not be read', () => {
  it('for its own sake is not read again before there is another one', async () => {
    const turn = makeTurn();
    turn.source.fault = new LockstepError('SourceTooLarge', 'larger than allowed');
    const poll = async (): Promise<void> => {
      turn.now += 100_000;
      turn.session.generation = turn.delivery.generation;
      await findRevision(turn);
    };
    for (let count = 0; count < 3; count += 1) await poll();
    expect(turn.source.reads).toBe(1);
    expect(turn.session.sourceTrouble).toMatchObject({ reason: 'SourceTooLarge', stalled: true });
    turn.source.tip = 'b'.repeat(40);
    turn.source.fault = undefined;
    turn.source.files = [file('a.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n')];
    await poll();
    expect(turn.source.reads).toBe(2);
    expect(turn.session.sourceTrouble).toBeUndefined();
    expect(turn.session.found?.desired.map(({ key }) => key)).toEqual(['/ConfigMap/shop/a']);
  });

  it('says nothing of what a newer spec asks for', async () => {
    const turn = makeTurn();
    turn.session.generation = turn.delivery.generation;
    turn.source.fault = new LockstepError('InvalidManifests', 'the folder of yesterday');
    const asked = findRevision(turn);
    turn.session.generation += 1;
    await asked;
    expect(turn.session.unreadable).toBeUndefined();
    expect(turn.session.sourceTrouble).toBeUndefined();
  });

  it('that stays away is asked less and less often, up to its interval', async () => {
    const turn = makeTurn({ spec: { source: { url: 'https://git.example.com/shop', interval: '60s' } } });
    turn.source.fault = new LockstepError('SourceUnreachable', 'no answer');
    turn.session.generation = turn.delivery.generation;
    const waits: number[] = [];
    for (let count = 0; count < 9; count += 1) {
      await findRevision(turn);
      waits.push(turn.session.pollAt - turn.now);
      turn.now = turn.session.pollAt;
    }
    // Each is up to a tenth earlier, so that not all come at once.
    expect(waits[0]).toBeLessThanOrEqual(5_000);
    for (const [index, wait] of waits.entries()) {
      const before = waits[index - 1] ?? 0;
      expect(wait).toBeGreaterThan(Math.min(before * 1.7, 53_999));
      expect(wait).toBeLessThanOrEqual(60_000);
    }
  });

  it('for want of a server is read again each time', async () => {
    const turn = makeTurn();
    turn.source.fault = new LockstepError('SourceUnreachable', 'no answer');
    for (let count = 0; count < 3; count += 1) {
      turn.now += 100_000;
      turn.session.generation = turn.delivery.generation;
      await findRevision(turn);
    }
    expect(turn.source.reads).toBe(3);
  });

  it('is asked for again at once when a webhook came while it was asked for', async () => {
    const turn = makeTurn();
    turn.session.generation = turn.delivery.generation;
    turn.source.fault = new LockstepError('SourceUnreachable', 'no answer');
    const asked = findRevision(turn);
    lookAtSource(turn.session, turn.now);
    await asked;
    expect(turn.session.sourceTrouble).toMatchObject({ reason: 'SourceUnreachable' });
    expect(turn.session.pollAt).toBeLessThanOrEqual(turn.now);
  });
});

describe('a source that does not answer', () => {
  it('for a moment is asked again soon, and nothing is told of it; for longer, it is (29)', async () => {
    const turn = makeTurn();
    const poll = async (after: number): Promise<string | undefined> => {
      turn.now += after;
      turn.session.generation = turn.delivery.generation;
      await findRevision(turn);
      return turn.session.sourceTrouble?.reason;
    };
    turn.source.files = [file('a.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n')];
    turn.source.fault = undefined;
    expect(await poll(100_000)).toBeUndefined();
    turn.source.tip = 'b'.repeat(40);
    turn.source.fault = new LockstepError('SourceUnreachable', 'no answer');
    expect(await poll(100_000)).toBeUndefined();
    expect(turn.session.pollAt - turn.now).toBeLessThanOrEqual(1_000);
    expect(await poll(2_000)).toBeUndefined();
    expect(await poll(4_000)).toBe('SourceUnreachable');
    turn.source.fault = undefined;
    expect(await poll(100_000)).toBeUndefined();
    // What is no silence is told at once, and so is a source that was never read.
    turn.source.tip = 'c'.repeat(40);
    turn.source.fault = new LockstepError('SourceUnauthorized', 'who?');
    expect(await poll(100_000)).toBe('SourceUnauthorized');
    const other = makeTurn();
    other.source.fault = new LockstepError('SourceUnreachable', 'no answer');
    other.session.generation = other.delivery.generation;
    await findRevision(other);
    expect(other.session.sourceTrouble?.reason).toBe('SourceUnreachable');
  });
});

describe('the next look at a source', () => {
  it('is due a little earlier than its interval says, and not for all at the same moment', async () => {
    const waits = new Set<number>();
    for (let count = 0; count < 20; count += 1) {
      const turn = makeTurn({ spec: { source: { url: 'https://git.example.com/shop', interval: '60s' } } });
      turn.source.fault = undefined;
      await findRevision(turn);
      const wait = turn.session.pollAt - turn.now;
      expect(wait).toBeGreaterThan(53_999);
      expect(wait).toBeLessThanOrEqual(60_000);
      waits.add(Math.round(wait));
    }
    expect(waits.size).toBeGreaterThan(1);
  });
});

describe('the answer that another Delivery of the repository got', () => {
  it('is never older than the news, nor is any taken after trouble; where nothing is known of news it may be a little old', async () => {
    const turn = makeTurn({ spec: { source: { url: 'https://git.example.com/shop', interval: '60s' } } });
    const { session } = turn;
    session.generation = turn.delivery.generation;
    const poll = async (later: number): Promise<void> => {
      turn.now += later;
      await findRevision(turn);
    };
    turn.source.fault = undefined;
    await poll(0);
    lookAtSource(session, turn.now);
    await poll(40);
    await poll(60_000);
    // What may have been a little old is asked for so much sooner the next time.
    expect(session.pollAt - turn.now).toBeLessThanOrEqual(54_000);
    turn.source.tip = 'b'.repeat(40);
    turn.source.fault = new LockstepError('SourceUnreachable', 'it moved');
    await poll(60_000);
    expect(turn.source.maxAges).toEqual([0, 40, 6_000, 6_000, 0]);
    await poll(60_000);
    expect(turn.source.maxAges).toEqual([0, 40, 6_000, 6_000, 0, 0]);
  });
});
