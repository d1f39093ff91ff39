import { nameOf } from './delivery/delivery.ts';
import { keepReason } from './plan/prune.ts';
import { saveRecord } from './release/begin.ts';
import { deleteInReverse } from './release/prune.ts';
import type { Entry } from './release/record.ts';
import type { Turn } from './session.ts';
import { annotation, titleOf } from './types.ts';

/**
 * What happens to the objects of a Delivery that is being deleted: the empty set is released, in reverse waves, with the
 * same protections as any prune. `orphan` leaves everything as it is. A namespace on its way out is never held up: its
 * accounts and rights go first, so what can't be deleted any more is told and left.
 * @returns whether all is done, so that the Delivery may go
 */
export async function teardown(turn: Turn): Promise<boolean> {
  const { delivery, session, world } = turn;
  session.waiting = [];
  session.applyTrouble = undefined;
  if (delivery.deletionPolicy === 'delete') {
    await deleteInReverse(turn, [...session.record.entries.values()].filter(mayGo));
    if (session.unsaved) await saveRecord(turn, session.record);
    if (session.waiting.length > 0 && !(await mustLeave(turn))) return false;
  }
  await world.records.remove(delivery.uid);
  world.watcher.forget(delivery.uid);
  return true;
}

function mayGo(entry: Entry): boolean {
  const options = (annotation(entry.manifest, 'argocd.argoproj.io/sync-options') ?? '').split(',');
  return keepReason(entry.manifest) === undefined && !options.some((option) => option.trim() === 'Delete=false');
}

/**
 * Whether what is still there must be left: something can't be deleted any more, and the Delivery's own namespace, with
 * its account and rights, is going. While objects are only on their way out there is nothing to give up.
 */
async function mustLeave({ delivery, session, world }: Turn): Promise<boolean> {
  if (session.applyTrouble === undefined || !(await world.isEnding(delivery.namespace))) return false;
  const left = [...session.record.entries.values()].filter(mayGo).map((entry) => titleOf(entry.ref));
  const message = `the namespace is being deleted and ${session.applyTrouble.message}; left behind: ${left.join(', ')}`;
  world.event('Warning', 'LeftBehind', message);
  world.log.warn({ delivery: nameOf(delivery), left }, 'left behind by a namespace that ends');
  return true;
}
