import { at, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { condition, conditionsAt, degradedBy, explain } from '../kinds/conditions.ts';
import { degraded, healthy, progressing, suspended, type Verdict } from '../scale.ts';

const failures = /^(?:CrashLoopBackOff|ErrImagePull|ImagePullBackOff|ErrorPvcNotFound|DataVolumeError)$/;

/** A KubeVirt VirtualMachine is what it prints of itself: its conditions speak of an instance that may not be there. */
export function virtualMachine(object: KubeObject): Verdict {
  const word = textAt(object, 'status', 'printableStatus') ?? '';
  const failure = condition(object, 'Failure');
  if (failure?.status === 'True') return degradedBy(failure);
  if (failures.test(word)) return degraded(word, whyOf(object, word));
  if (word === 'Running') return healthy('Running');
  // One that is always to run is only stopped until its controller has seen it.
  const isForever = textAt(object, 'spec', 'runStrategy') === 'Always' || at(object, 'spec', 'running') === true;
  if (word === 'Paused' || (word === 'Stopped' && !isForever)) return suspended(word, `is ${word}`);
  return progressing(word || 'NotObserved', word === '' ? 'was not seen yet' : `is ${word}`);
}

function whyOf(object: KubeObject, word: string): string {
  const why = conditionsAt(object, 'status', 'conditions').find(
    ({ type, status }) => type === 'Synchronized' && status === 'False',
  );
  return why === undefined ? `is ${word}` : `is ${word}: ${explain(why)}`;
}
