import { at, objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, type HealthContext, healthy, progressing, suspended, type Verdict } from '../scale.ts';

/** Conditions of an Application have no status: those that are there hold. These need a person. */
const errors = /Error$/;

/** An Argo CD Application: what it says of its own objects, unless it syncs, can't sync, or can't tell what it should be. */
export function argoApplication(object: KubeObject, _context: HealthContext): Verdict {
  const word = textAt(object, 'status', 'health', 'status');
  if (word === undefined) return progressing('NotObserved', 'its controller has not seen it yet');
  const phase = textAt(object, 'status', 'operationState', 'phase');
  if (phase === 'Running' || phase === 'Terminating')
    return progressing('Syncing', textAt(object, 'status', 'operationState', 'message') ?? 'is being synced');
  const error = objectsAt(object, 'status', 'conditions').find((one) => errors.test(textAt(one, 'type') ?? ''));
  if (error !== undefined)
    return degraded(textAt(error, 'type') ?? 'Error', textAt(error, 'message') ?? 'has an error');
  return byWord(word, textAt(object, 'status', 'health', 'message') ?? `its objects are ${word}`, object);
}

function byWord(word: string, message: string, object: KubeObject): Verdict {
  switch (word) {
    case 'Healthy':
      return bySync(object);
    case 'Suspended':
      return suspended('Suspended', message);
    case 'Degraded':
      return degraded('Degraded', message);
    default:
      return progressing(word, message);
  }
}

/** Healthy is what was there before, too: while a sync is due by itself, the new one is still to come. */
function bySync(object: KubeObject): Verdict {
  const isDue = textAt(object, 'status', 'sync', 'status') === 'OutOfSync';
  const isAutomated = at(object, 'spec', 'syncPolicy', 'automated') !== undefined;
  return isDue && isAutomated ? progressing('OutOfSync', 'is to be synced') : healthy('Healthy');
}
