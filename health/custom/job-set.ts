import type { KubeObject } from '../../sync/types.ts';
import { condition, degradedBy } from '../kinds/conditions.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';

/** A JobSet has no condition while it runs, as a Job has none. */
export function jobSet(object: KubeObject): Verdict {
  const failed = condition(object, 'Failed');
  if (failed?.status === 'True') return degradedBy(failed);
  if (condition(object, 'Completed')?.status === 'True') return healthy('Completed');
  return progressing('Running', 'is not complete yet');
}
