import { describe, expect, it } from 'vitest';
import type { ReleaseRecord } from '../../../../sync/release/record.ts';
import { saveRecord } from '../../../../sync/release/save.ts';
import { object } from '../support/objects.ts';
import { entryOf, recordOf } from '../support/records.ts';
import { makeTurn } from '../support/turn.ts';

/** A turn whose saves wait to be let go. */
function slowly() {
  const turn = makeTurn({ record: recordOf([], 'Synced') });
  const begun: number[] = [];
  const goOn: ((fault?: Error) => void)[] = [];
  const save = (_uid: string, record: ReleaseRecord): Promise<void> => {
    begun.push(record.entries.size);
    return new Promise((resolve, reject) => goOn.push((fault) => (fault === undefined ? resolve() : reject(fault))));
  };
  turn.world.records = { ...turn.world.records, save };
  return { turn, begun, goOn };
}
const soon = () => new Promise((resolve) => setImmediate(resolve));

describe('saves of a record', () => {
  it('never overlap, and each holds what is known when it begins', async () => {
    const { turn, begun, goOn } = slowly();
    const { record } = turn.session;
    const first = saveRecord(turn, record);
    const second = saveRecord(turn, record);
    await soon();
    const entry = entryOf(object('ConfigMap', 'a'), {});
    record.entries.set(entry.key, entry);
    expect(begun).toEqual([0]);
    goOn[0]?.();
    await first;
    await soon();
    expect(begun).toEqual([0, 1]);
    goOn[1]?.();
    await second;
  });

  it('leave unsaved what was noted meanwhile, and all when they fail', async () => {
    const { turn, goOn } = slowly();
    const { session } = turn;
    session.unsaved = true;
    const first = saveRecord(turn, session.record);
    await soon();
    expect(session.unsaved).toBe(false);
    session.unsaved = true;
    goOn[0]?.();
    await first;
    expect(session.unsaved).toBe(true);
    session.unsaved = false;
    const second = saveRecord(turn, session.record);
    await soon();
    goOn[1]?.(new Error('away'));
    await expect(second).rejects.toThrow('away');
    expect(session.unsaved).toBe(true);
    // One that failed holds up none after it.
    const third = saveRecord(turn, session.record);
    await soon();
    goOn[2]?.();
    await third;
    expect(session.unsaved).toBe(false);
  });
});
