import { textAt } from '../../diff/json.ts';
import type { Health, KubeObject } from '../../sync/types.ts';
import { degraded, healthy, progressing } from '../scale.ts';

/** A claim is healthy when it is bound; a lost one will not come back. */
export function persistentVolumeClaim(object: KubeObject): Health {
  const phase = textAt(object, 'status', 'phase');
  if (phase === 'Bound') return healthy('Bound');
  if (phase === 'Lost') return degraded('Lost', 'its volume is lost');
  return progressing('Pending', 'is not bound to a volume yet');
}
