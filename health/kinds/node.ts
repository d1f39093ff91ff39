import { at } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, healthy, progressing, suspended, type Verdict } from '../scale.ts';
import { condition, explain } from './conditions.ts';

/** A Node is healthy while its kubelet says that it is ready; Unknown is what is noted when that is silent. */
export function node(object: KubeObject): Verdict {
  const ready = condition(object, 'Ready');
  if (ready === undefined) return progressing('NotRegistered', 'its kubelet has not said anything yet');
  if (ready.status === 'Unknown') return degraded(ready.reason || 'NodeStatusUnknown', explain(ready));
  if (ready.status === 'False') return progressing(ready.reason || 'NotReady', explain(ready));
  if (at(object, 'spec', 'unschedulable') === true) return suspended('Cordoned', 'is cordoned');
  return healthy('Ready');
}
