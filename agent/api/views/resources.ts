import { shownWave } from '../../../sync/hooks/phases.ts';
import { type Entry, isPending, type ReleaseRecord, runningSequence } from '../../../sync/release/record.ts';
import type { Action, Health, ObjectRef } from '../../../sync/types.ts';
import type { ResourceView } from './schemas.ts';

/** What is known of a live object. */
export interface LiveState {
  readonly health: Health | undefined;
  readonly isDrifted: boolean;
}

/** An object of a Delivery as REST shows it. */
export function viewResource(record: ReleaseRecord, entry: Entry, { health, isDrifted }: LiveState): ResourceView {
  const release = entry.applied?.sequence;
  return {
    ...referenceOf(entry.ref),
    isHidden: false,
    ...shownWave(entry.wave),
    action: actionOf(record, entry),
    ...(release === undefined ? {} : { release }),
    health: health ?? { status: 'Unknown', reason: 'NotSeen', message: 'not seen yet' },
    isDrifted,
  };
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
