import type { KubeObject } from '../../sync/types.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';
import { condition, progressingBy } from './conditions.ts';

/** An APIService is healthy while the API server can reach what serves it: a backend that is down may come back. */
export function apiService(object: KubeObject): Verdict {
  const available = condition(object, 'Available');
  if (available === undefined) return progressing('NotObserved', 'its controller has not seen it yet');
  return available.status === 'True' ? healthy('Available') : progressingBy(available);
}
