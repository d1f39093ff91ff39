import type { KubeObject } from '../../sync/types.ts';
import { condition, degradedBy } from '../kinds/conditions.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';

/** A SealedSecret that could not be unsealed gives no reason, only a message: it is sealed for another key, or not ours. */
export function sealedSecret(object: KubeObject): Verdict {
  const synced = condition(object, 'Synced');
  if (synced === undefined) return progressing('NotObserved', 'was not unsealed yet');
  return synced.status === 'True' ? healthy('Synced') : degradedBy(synced);
}
