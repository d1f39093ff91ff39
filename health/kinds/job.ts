import { at } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, healthy, progressing, suspended, type Verdict } from '../scale.ts';
import { condition, explain } from './conditions.ts';

/** A Job is healthy once it is complete. A Job that was suspended and resumed still has to complete. */
export function job(object: KubeObject): Verdict {
  for (const type of ['Failed', 'FailureTarget']) {
    const failed = condition(object, type);
    if (failed?.status === 'True') return degraded('JobFailed', explain(failed));
  }
  if (condition(object, 'Complete')?.status === 'True') return healthy('Complete');
  if (at(object, 'spec', 'suspend') === true) return suspended('JobSuspended', 'the Job is suspended');
  return progressing('JobRunning', 'is not complete yet');
}
