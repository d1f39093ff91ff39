import { nameOf } from './delivery/delivery.ts';
import { inOneLine } from './errors.ts';
import { keepReason } from './plan/prune.ts';
import type { Refusal } from './plan/try.ts';
import { saveRecord } from './release/drive.ts';
import { deleteInReverse, type Remainder } from './release/prune.ts';
import type { Entry } from './release/record.ts';
import type { Turn } from './session.ts';
import { annotation, titleOf } from './types.ts';

const soon = 1_000;
const later = 5_000;

/**
 * What happens to the objects of a Delivery that is being deleted: the empty set is released, in reverse waves, with the
 * same protections as any prune. `orphan` leaves everything as it is. A namespace on its way out is never held up: its
 * accounts and rights go first, so what can't be deleted any more is told and left.
 * @returns undefined when all is done, so that the Delivery may go; otherwise the milliseconds after which to come back
 */
export async function teardown(turn: Turn): Promise<number | undefined> {
  const { delivery, session, world } = turn;
  session.waiting = [];
  session.applyTrouble = undefined;
  if (delivery.deletionPolicy === 'delete') {
    const doomed = [...session.record.entries.values()].filter(mayGo);
    const isEnding = doomed.length > 0 && (await world.isEnding(delivery.namespace));
    const holdUps = await deleteInReverse(
      turn,
      doomed,
      ({ refusal }) => !isEnding || refusal === undefined || !rightsAreGone(refusal),
    );
    if (session.unsaved) await saveRecord(turn, session.record);
    if (holdUps.length > 0) return holdUps.some(mayPass) ? soon : later;
    if (session.waiting.length > 0) tellLeft(turn);
  }
  await world.records.remove(delivery.uid);
  world.watcher.forget(delivery.uid);
  return undefined;
}

function mayGo(entry: Entry): boolean {
  const options = (annotation(entry.manifest, 'argocd.argoproj.io/sync-options') ?? '').split(',');
  return keepReason(entry.manifest) === undefined && !options.some((option) => option.trim() === 'Delete=false');
}

/** What an unwell API server refused is tried again at once: in a namespace that ends, the account will not last. */
function mayPass({ refusal }: Remainder): boolean {
  return refusal?.code === 'ClusterUnavailable';
}

/** Nobody gives an account of a namespace that ends its rights back. All else may pass when it is tried again. */
function rightsAreGone({ code }: Refusal): boolean {
  return code === 'AccountNotFound' || code === 'Forbidden';
}

/** Nobody can look at the Delivery any more, so the namespace itself is told about. */
function tellLeft({ delivery, session, world }: Turn): void {
  const left = [...session.record.entries.values()].filter(mayGo).map((entry) => titleOf(entry.ref));
  const why = session.applyTrouble?.message ?? '';
  const message = `the namespace is being deleted and ${why}; left behind: ${inOneLine(left)}`;
  world.tellNamespace(delivery.namespace, 'LeftBehind', message);
  world.log.warn({ delivery: nameOf(delivery), left }, 'left behind by a namespace that ends');
}
