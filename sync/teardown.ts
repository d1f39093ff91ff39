import { childName, isDelivery } from './children.ts';
import { nameOf, ownName } from './delivery/delivery.ts';
import { inOneLine } from './errors.ts';
import { runPhase } from './hooks/run.ts';
import { confirmedDeleteBy, keptBy, keptOnDeleteBy } from './options.ts';
import { protectedKinds } from './plan/prune.ts';
import type { Refusal } from './plan/try.ts';
import { stopMeasuring } from './release/analyse.ts';
import { deleteInReverse, type Remainder } from './release/prune.ts';
import type { Entry } from './release/record.ts';
import { saveRecord } from './release/save.ts';
import type { Turn } from './session.ts';
import { titleOf } from './types.ts';

/** What is confirmed where no plan is: that a Delivery is deleted with all that it has. */
const deletion = 'deletion';

const soon = 1_000;
const later = 5_000;

/**
 * What happens to the objects of a Delivery that is being deleted: the empty set is released, in reverse waves, with the
 * same protections as any prune; hooks run before and after. `orphan` leaves everything as it is. What could not be deleted
 * by the deadline is left behind, and told. A namespace on its way out is never held up: its accounts and rights go first,
 * so what can't be deleted any more is told and left at once, and no hook runs.
 * @returns undefined when all is done, so that the Delivery may go; otherwise the milliseconds after which to come back
 */
export async function teardown(turn: Turn): Promise<number | undefined> {
  const { delivery, session, world } = turn;
  session.waiting = [];
  session.applyTrouble = undefined;
  stopMeasuring(session);
  noteConfirmation(turn);
  if (delivery.deletionPolicy === 'delete') {
    const again = await cascade(turn);
    if (session.unsaved) await saveRecord(turn, session.record);
    if (again !== undefined) return again;
  }
  await world.records.remove(delivery.uid);
  world.watcher.forget(delivery.uid);
  return undefined;
}

async function cascade(turn: Turn): Promise<number | undefined> {
  const { delivery, session, world } = turn;
  const isEnding = session.record.entries.size > 0 && (await world.isEnding(delivery.namespace));
  const until = deadlineOf(turn);
  if (!isEnding && (await runPhase(turn, 'PreDelete', until)) === 'waiting') return soon;
  const again = await deleteAll(turn, isEnding, (entry) => entry.hook?.phase !== 'PostDelete');
  if (again !== undefined) return again;
  const last = isEnding ? undefined : await finish(turn, until);
  if (last !== undefined) return last;
  if (session.waiting.length > 0)
    tellLeft(turn, isEnding ? 'the namespace is being deleted' : 'the deadline has passed');
  return undefined;
}

/** What runs when everything is gone, and goes itself then. */
async function finish(turn: Turn, until: number): Promise<number | undefined> {
  if ((await runPhase(turn, 'PostDelete', until)) === 'waiting') return soon;
  return deleteAll(turn, false, () => true);
}

/** When what is left is left behind: counted from when the Delivery was deleted, so that no restart begins anew. */
function deadlineOf({ delivery, world }: Turn): number {
  const sinceWhen = world.clock.now() - world.clock.steady();
  return (delivery.deletedAt ?? world.clock.now()) - sinceWhen + delivery.deadline;
}

async function deleteAll(turn: Turn, isEnding: boolean, which: (entry: Entry) => boolean): Promise<number | undefined> {
  const { session, world } = turn;
  const own = ownName(turn.delivery);
  const doomed = [...session.record.entries.values()].filter(
    (entry) => mayGo(entry) && !isItself(entry, own) && which(entry),
  );
  const open = isEnding ? [] : unconfirmed(turn, doomed);
  session.waiting.push(...open);
  if (open.length > 0) return later;
  const holdUps = await deleteInReverse(
    turn,
    doomed,
    ({ refusal }) => !isEnding || refusal === undefined || !rightsAreGone(refusal),
  );
  const isLate = world.clock.steady() >= deadlineOf(turn);
  if (holdUps.length === 0 || isLate) return undefined;
  return holdUps.some(mayPass) ? soon : later;
}

/** The one request that is heard while a Delivery is deleted. */
function noteConfirmation({ delivery: { request }, session }: Turn): void {
  if (request?.verb !== 'confirm' || request.plan !== deletion || session.record.confirmed === deletion) return;
  session.handled = request.text;
  session.record = { ...session.record, confirmed: deletion };
  session.unsaved = true;
}

/** What is kept stays; a hook that never ran has nothing to delete. */
function mayGo({ hook, applied, manifest }: Entry): boolean {
  const isThere = hook === undefined || applied !== undefined;
  const isProtected = protectedKinds.has(manifest.kind);
  return isThere && !isProtected && keptBy(manifest) === undefined && keptOnDeleteBy(manifest) === undefined;
}

/** A Delivery that manages itself waits for nobody to take it away: it is on its way already. */
function isItself({ manifest }: Entry, own: string): boolean {
  return isDelivery(manifest) && childName(manifest) === own;
}

/** What only goes with a person's word, and has not got it. */
function unconfirmed({ session }: Turn, entries: readonly Entry[]): string[] {
  if (session.record.confirmed === deletion) return [];
  const waiting = entries.filter(({ manifest }) => confirmedDeleteBy(manifest) !== undefined);
  return waiting.map(
    ({ ref, manifest }) => `${titleOf(ref)}: ${confirmedDeleteBy(manifest)}: somebody must confirm it`,
  );
}

/** What an unwell API server refused is tried again at once: in a namespace that ends, the account will not last. */
function mayPass({ refusal }: Remainder): boolean {
  return refusal?.code === 'ClusterUnavailable';
}

/** Nobody gives an account of a namespace that ends its rights back. All else may pass when it is tried again. */
function rightsAreGone({ code }: Refusal): boolean {
  return code === 'AccountNotFound' || code === 'Forbidden' || code === 'KubeconfigInvalid';
}

/** Nobody can look at the Delivery any more, so the namespace itself is told about. */
function tellLeft({ delivery, session, world }: Turn, why: string): void {
  const left = [...session.record.entries.values()].filter(mayGo).map((entry) => titleOf(entry.ref));
  const problem = session.applyTrouble?.message ?? inOneLine(session.waiting);
  const message = `${why} and ${problem}; left behind: ${inOneLine(left)}`;
  world.tellNamespace(delivery.namespace, 'LeftBehind', message);
  world.log.warn({ delivery: nameOf(delivery), why, left }, 'left behind by a Delivery that ends');
}
