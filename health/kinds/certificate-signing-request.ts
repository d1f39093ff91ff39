import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { healthy, progressing, type Verdict } from '../scale.ts';
import { condition, degradedBy } from './conditions.ts';

/** A request is healthy once its certificate is there; one that was denied, or could not be signed, stays so. */
export function certificateSigningRequest(object: KubeObject): Verdict {
  for (const type of ['Denied', 'Failed']) {
    const found = condition(object, type);
    if (found?.status === 'True') return degradedBy(found);
  }
  if (textAt(object, 'status', 'certificate') !== undefined) return healthy('Issued');
  const isApproved = condition(object, 'Approved')?.status === 'True';
  return isApproved ? progressing('Approved', 'is not signed yet') : progressing('Pending', 'waits to be approved');
}
