import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, type Verdict } from '../scale.ts';

/** A Velero BackupStorageLocation was tried, and refused, when it is Unavailable. */
export function backupStorageLocation(object: KubeObject, context: HealthContext): Verdict {
  if (textAt(object, 'status', 'phase') !== 'Unavailable') return generic(object, context);
  return degraded('Unavailable', textAt(object, 'status', 'message') ?? 'can not be reached');
}
