import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';
import { conditionsAt, explain } from './conditions.ts';

/** What is said of a Namespace on its way out where something holds it. */
const obstacles = /Failure$|Remaining$/;

/** A Namespace is usable while it is Active. */
export function namespace(object: KubeObject): Verdict {
  if (textAt(object, 'status', 'phase') !== 'Terminating') return healthy('Active');
  const held = conditionsAt(object, 'status', 'conditions').find(
    ({ type, status }) => status === 'True' && obstacles.test(type),
  );
  return progressing('Terminating', held === undefined ? 'is being deleted' : `is being deleted: ${explain(held)}`);
}
