import type { KubeObject } from '../../sync/types.ts';
import { condition, progressingBy } from '../kinds/conditions.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';

/** A Kyverno policy that is not ready has the reason Failed, and waits only for its webhook: wrong ones are never let in. */
export function kyvernoPolicy(object: KubeObject): Verdict {
  const ready = condition(object, 'Ready');
  if (ready === undefined) return progressing('NotObserved', 'its controller has not seen it yet');
  return ready.status === 'True' ? healthy('Ready') : progressingBy(ready);
}
