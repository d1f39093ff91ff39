import type { KubeObject } from '../../sync/types.ts';
import { condition, degradedBy, explain, progressingBy } from '../kinds/conditions.ts';
import { isTerminal } from '../kinds/reasons.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';

/** A Kueue Workload has its place once it is admitted; until then only an inadmissible one needs a person. */
export function kueueWorkload(object: KubeObject): Verdict {
  const finished = condition(object, 'Finished');
  if (finished?.status === 'True') return isTerminal(finished.reason) ? degradedBy(finished) : healthy('Finished');
  const reserved = condition(object, 'QuotaReserved');
  if (reserved?.reason === 'Inadmissible') return degradedBy(reserved);
  const ready = condition(object, 'PodsReady');
  if (ready?.status === 'False') return progressingBy(ready);
  if (condition(object, 'Admitted')?.status === 'True') return healthy('Admitted');
  return progressing('Pending', reserved === undefined ? 'waits for its queue' : explain(reserved));
}
