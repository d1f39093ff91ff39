import type { KubeObject } from '../../sync/types.ts';
import { type Condition, conditionsAt, degradedBy, explain, progressingBy } from '../kinds/conditions.ts';
import { healthy, progressing, suspended, type Verdict, worstOf } from '../scale.ts';

/** A package says Unhealthy from the beginning on: only the message tells what is still to come from what has failed. */
const stillToCome =
  /health is "Unknown"|has no condition of type|is not healthy yet|missing dependencies|not yet installed|deployment is unavailable|Waiting for unpack/;

/** Packages of Crossplane and their revisions. */
export function crossplanePackage(object: KubeObject): Verdict {
  const conditions = conditionsAt(object, 'status', 'conditions');
  const inactive = conditions.find(({ reason }) => reason === 'InactivePackageRevision');
  if (inactive !== undefined) return suspended('Inactive', explain(inactive));
  const counted = conditions.filter(({ type }) => type === 'Installed' || type.endsWith('Healthy'));
  return worstOf(counted.map(byState)) ?? progressing('NotObserved', 'its controller has not seen it yet');
}

function byState(found: Condition): Verdict {
  if (found.status === 'True') return healthy(found.reason || found.type);
  const isUnpacking = found.reason === 'UnpackingPackage' && found.message === '';
  const isToCome = found.status === 'Unknown' || isUnpacking || stillToCome.test(found.message);
  return isToCome ? progressingBy(found) : degradedBy(found);
}
