import { at } from '../../diff/json.ts';
import { type Delivery, identityOf } from '../delivery/delivery.ts';
import { inParallel } from '../parallel.ts';
import { keepReason } from '../plan/prune.ts';
import { refusalOf } from '../plan/try.ts';
import type { Session, World } from '../session.ts';
import { titleOf } from '../types.ts';
import { parallelRequests } from './begin.ts';
import type { Entry } from './record.ts';

/**
 * Deletes what left Git, the last wave first, each object by its uid. What is protected stays, and stays on the list.
 * An object that is still on its way out is waited for before the next wave goes.
 */
export async function pruneRemoved(delivery: Delivery, session: Session, world: World): Promise<void> {
  if (!delivery.prune) return;
  await deleteInReverse(
    delivery,
    session,
    world,
    [...session.record.entries.values()].filter((entry) => entry.removed && keepReason(entry.manifest) === undefined),
  );
}

/** Deletes objects in reverse waves; what must be waited for goes to `session.waiting`. */
export async function deleteInReverse(
  delivery: Delivery,
  session: Session,
  world: World,
  doomed: readonly Entry[],
): Promise<void> {
  const places = [...new Set(doomed.map(placeOf))].sort((a, b) => b - a);
  for (const place of places) {
    await inParallel(
      doomed.filter((entry) => placeOf(entry) === place),
      parallelRequests,
      (entry) => deleteEntry(delivery, session, world, entry),
    );
    if (session.waiting.length > 0) return;
  }
}

/** Waves and, inside them, steps, as one number. */
function placeOf(entry: Entry): number {
  return entry.wave * 100 + entry.step;
}

async function deleteEntry(delivery: Delivery, session: Session, world: World, entry: Entry): Promise<void> {
  const uid = entry.applied?.uid;
  try {
    const left = uid === undefined ? undefined : await remove(delivery, world, entry, uid);
    if (left === undefined) drop(session, entry);
    else session.waiting.push(`${titleOf(entry.ref)} is being deleted${left}`);
  } catch (error) {
    const { message } = refusalOf(entry, error);
    session.waiting.push(`can not be deleted: ${message}`);
    session.applyTrouble = { reason: 'PruneIncomplete', message, stalled: false };
  }
}

/** Deletes, and answers what holds the object back; undefined when it is gone or another one has its name. */
async function remove(delivery: Delivery, world: World, entry: Entry, uid: string): Promise<string | undefined> {
  const cluster = world.cluster(identityOf(delivery));
  const known = world.watcher.live(delivery.uid, entry.key);
  const isUnderWay = known?.state === 'questioned' || known?.health.reason === 'Terminating';
  let left = isUnderWay ? await cluster.get(entry.ref) : undefined;
  const mustAsk =
    !isUnderWay || (left?.metadata.uid === uid && at(left, 'metadata', 'deletionTimestamp') === undefined);
  if (mustAsk) left = await cluster.delete(entry.ref, uid);
  if (left === undefined || left.metadata.uid !== uid) return undefined;
  const finalizers = at(left, 'metadata', 'finalizers');
  const foreign = Array.isArray(finalizers) ? finalizers.filter((name) => name !== 'foregroundDeletion') : [];
  return foreign.length > 0 ? `, held by ${foreign.join(', ')}` : '';
}

function drop(session: Session, entry: Entry): void {
  session.record.entries.delete(entry.key);
}
