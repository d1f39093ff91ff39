import type { KubeObject } from '../../sync/types.ts';
import { condition, explain, progressingBy } from '../kinds/conditions.ts';
import { generationOf } from '../kinds/generation.ts';
import { degraded, healthy, progressing, type Verdict } from '../scale.ts';

/**
 * A cert-manager Certificate. Why it is not ready stands in Issuing: True while it is being issued, False with the cause once
 * that has failed, and then hours pass before the next try.
 */
export function certificate(object: KubeObject): Verdict {
  const ready = condition(object, 'Ready');
  const generation = generationOf(object);
  if (ready !== undefined && (ready.generation ?? generation) < generation)
    return progressing('GenerationLag', 'Ready is about an older generation');
  if (ready?.status === 'True') return healthy('Ready');
  const issuing = condition(object, 'Issuing');
  if (issuing?.status === 'True') return progressing('Issuing', explain(issuing));
  if (issuing?.status === 'False') return degraded(issuing.reason || 'Failed', explain(issuing));
  return ready === undefined ? progressing('NotObserved', 'its controller has not seen it yet') : progressingBy(ready);
}
