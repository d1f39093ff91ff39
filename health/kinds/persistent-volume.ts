import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { degraded, healthy, progressing, type Verdict } from '../scale.ts';

/** A volume is healthy whether or not it is claimed; one that could not be reclaimed needs a person. */
export function persistentVolume(object: KubeObject): Verdict {
  const phase = textAt(object, 'status', 'phase') ?? 'Pending';
  if (phase === 'Pending') return progressing('Pending', 'is not available yet');
  if (phase !== 'Failed') return healthy(phase);
  return degraded('Failed', textAt(object, 'status', 'message') ?? 'could not be reclaimed');
}
