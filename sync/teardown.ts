import type { Delivery } from './delivery/delivery.ts';
import { keepReason } from './plan/prune.ts';
import { saveRecord } from './release/begin.ts';
import { deleteInReverse } from './release/prune.ts';
import type { Session, World } from './session.ts';
import { annotation } from './types.ts';

/**
 * What happens to the objects of a Delivery that is being deleted: the empty set is released, in reverse waves, with the
 * same protections as any prune. `orphan` leaves everything as it is.
 * @returns whether all is done, so that the Delivery may go
 */
export async function teardown(delivery: Delivery, session: Session, world: World): Promise<boolean> {
  session.waiting = [];
  if (delivery.deletionPolicy === 'delete') {
    const doomed = [...session.record.entries.values()].filter(
      (entry) =>
        entry.applied !== undefined &&
        keepReason(entry.manifest) === undefined &&
        !keepsOnDelete(annotation(entry.manifest, 'argocd.argoproj.io/sync-options')),
    );
    await deleteInReverse(delivery, session, world, doomed);
    if (session.waiting.length > 0) {
      await saveRecord(delivery, session, world);
      return false;
    }
  }
  await world.records.remove(delivery.uid);
  world.watcher.forget(delivery.uid);
  return true;
}

function keepsOnDelete(options: string | undefined): boolean {
  return (options ?? '').split(',').some((option) => option.trim() === 'Delete=false');
}
