import type { Turn } from '../session.ts';
import { offsetOf, type ReleaseRecord, shiftedBy } from './record.ts';

/** Stores a record. Only when that worked may anything rest on it. */
export async function saveRecord({ delivery, session, world }: Turn, record: ReleaseRecord): Promise<void> {
  await world.records.save(delivery.uid, { ...record, clocks: shiftedBy(record.clocks, offsetOf(world.clock)) });
  session.unsaved = false;
  session.storedDeadline = record.clocks.deadline;
  world.reach('record-written');
}
