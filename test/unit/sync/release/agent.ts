import { findRevision } from '../../../../sync/find.ts';
import { healDrift } from '../../../../sync/heal.ts';
import type * as release from '../../../../sync/release/drive.ts';
import { saveRecord } from '../../../../sync/release/save.ts';
import type { FakeTurn } from '../support/turn.ts';

/** The loop of a release, or a mutation of it. */
export type Drive = Pick<typeof release, 'drive'>;

/** Pushes a commit, named by a character, with the files that it holds. */
export function push(turn: FakeTurn, name: string, files: FakeTurn['source']['files']): void {
  turn.source.tip = name.repeat(40);
  turn.source.files = files;
  turn.source.fault = undefined;
}

/** The watches have told all there is. */
export function tellAll(turn: FakeTurn): void {
  const present = new Set([...turn.objects.values()].map(({ metadata }) => metadata.uid ?? ''));
  turn.tell({ type: 'synced', present });
  turn.tell({ type: 'opened' });
}

/** One turn of an agent in a world in memory, whose watches have told all there is. */
export async function once({ drive }: Drive, turn: FakeTurn): Promise<void> {
  tellAll(turn);
  turn.session.lookAt = Number.POSITIVE_INFINITY;
  turn.session.generation = turn.delivery.generation;
  await findRevision(turn);
  await healDrift(turn);
  await drive(turn);
  if (turn.session.unsaved) await saveRecord(turn, turn.session.record);
}
