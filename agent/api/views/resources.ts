import type { Owned } from '../../../health/owner-tree.ts';
import { shownWave } from '../../../sync/hooks/phases.ts';
import { type Entry, isPending, type ReleaseRecord, runningSequence } from '../../../sync/release/record.ts';
import { type Action, type Health, type ObjectRef, refOf } from '../../../sync/types.ts';
import type { ChildView, ResourceView } from './schemas.ts';

/** What is known of a live object. */
export interface LiveState {
  readonly health: Health | undefined;
  /** Since when it has that word: wall time in milliseconds. */
  readonly since: number | undefined;
  readonly isDrifted: boolean;
  /** What it has made; or why that can't be told. Undefined where it makes nothing, or nobody asked. */
  readonly made: readonly Owned[] | string | undefined;
}

/** An object of a Delivery as REST shows it. */
export function viewResource(
  record: ReleaseRecord,
  entry: Entry,
  { health, since, isDrifted, made }: LiveState,
): ResourceView {
  const release = entry.applied?.sequence;
  return {
    ...referenceOf(entry.ref),
    isHidden: false,
    ...shownWave(entry.wave),
    action: actionOf(record, entry),
    ...(release === undefined ? {} : { release }),
    health: health ?? { status: 'Unknown', reason: 'NotSeen', message: 'not seen yet' },
    ...sinceText(since),
    isDrifted,
    ...(typeof made === 'string' ? { childrenProblem: made } : made && { children: made.map(viewChild) }),
  };
}

function viewChild({ object, health, since, children }: Owned): ChildView {
  const view = { ...referenceOf(refOf(object)), health, ...sinceText(since) };
  return children.length === 0 ? view : { ...view, children: children.map(viewChild) };
}

function sinceText(since: number | undefined): { since?: string } {
  return since === undefined ? {} : { since: new Date(since).toISOString() };
}

/** What is shown of an object to who may not see it: that it is there. */
export function hiddenResource({ ref, wave }: Entry): ResourceView {
  return { ...referenceOf(ref), isHidden: true, ...shownWave(wave) };
}

/** The fields that name an object. */
export function referenceOf({ apiVersion, kind, namespace, name }: ObjectRef) {
  return { apiVersion, kind, ...(namespace === undefined ? {} : { namespace }), name };
}

/** What the release that runs, or ran last, does with an object. */
function actionOf(record: ReleaseRecord, entry: Entry): Action {
  if (entry.removed) return 'prune';
  if (isPending(entry)) return entry.applied !== undefined ? 'update' : entry.origin === 'adopted' ? 'adopt' : 'create';
  const isOfThis = entry.applied?.sequence === runningSequence(record);
  return isOfThis ? (entry.applied?.action ?? 'update') : 'unchanged';
}
