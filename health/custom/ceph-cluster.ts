import { at, isObject, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, progressing, type Verdict } from '../scale.ts';

/** A Rook CephCluster: an error stands in its state while its phase says Progressing, and Ceph has a health of its own. */
export function cephCluster(object: KubeObject, context: HealthContext): Verdict {
  const message = textAt(object, 'status', 'message') ?? '';
  if (textAt(object, 'status', 'state') === 'Error') return degraded('Error', message || 'its state is Error');
  if (textAt(object, 'status', 'ceph', 'health') === 'HEALTH_ERR') return degraded('HealthErr', detailsOf(object));
  const phase = textAt(object, 'status', 'phase') ?? '';
  if (['Progressing', 'Connecting', 'Deleting'].includes(phase)) return progressing(phase, message || `is ${phase}`);
  return generic(object, context);
}

function detailsOf(object: KubeObject): string {
  const details = at(object, 'status', 'ceph', 'details');
  const texts = Object.entries(isObject(details) ? details : {})
    .filter(([, detail]) => textAt(detail, 'severity') === 'HEALTH_ERR')
    .map(([name, detail]) => `${name}: ${textAt(detail, 'message') ?? ''}`);
  return texts.join('; ') || 'Ceph says HEALTH_ERR';
}
