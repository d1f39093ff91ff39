import { nameOf } from '../delivery/delivery.ts';
import { messageOf } from '../errors.ts';
import type { Turn } from '../session.ts';
import { offsetOf, type ReleaseRecord, shiftedBy } from './record.ts';

/**
 * Stores a record. Only when that worked may anything rest on it. Saves of one Delivery never overlap: each is on top of
 * the one before, and holds what its entries are when it begins.
 */
export function saveRecord(turn: Turn, record: ReleaseRecord): Promise<void> {
  const { session } = turn;
  const saved = session.saving.then(() => save(turn, record));
  session.saving = saved.catch(() => undefined);
  return saved;
}

async function save({ delivery, session, world }: Turn, record: ReleaseRecord): Promise<void> {
  // What is noted while this one is under way is for the next one.
  session.unsaved = false;
  try {
    await world.records.save(delivery.uid, { ...record, clocks: shiftedBy(record.clocks, offsetOf(world.clock)) });
  } catch (error) {
    session.unsaved = true;
    world.log.warn({ delivery: nameOf(delivery), problem: messageOf(error) }, 'the release record can not be stored');
    throw error;
  }
  session.storedDeadline = record.clocks.deadline;
  world.reach('record-written');
}
