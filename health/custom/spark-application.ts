import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, healthy, progressing, suspended, type Verdict } from '../scale.ts';

/** A SparkApplication runs to its end, unless it is one that is always run again. */
export function sparkApplication(object: KubeObject): Verdict {
  const state = textAt(object, 'status', 'applicationState', 'state') ?? '';
  const why = textAt(object, 'status', 'applicationState', 'errorMessage') ?? '';
  const isForever = textAt(object, 'spec', 'restartPolicy', 'type') === 'Always';
  if (state === 'FAILED') return degraded(state, why === '' ? 'has failed' : why);
  if (state === 'COMPLETED' || (state === 'RUNNING' && isForever)) return healthy(state);
  if (state === 'SUSPENDED') return suspended(state, 'is suspended');
  return progressing(state || 'NotObserved', state === '' ? 'was not submitted yet' : `is ${state}`);
}
