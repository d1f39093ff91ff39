import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { condition, degradedBy } from '../kinds/conditions.ts';
import { generic } from '../kinds/generic.ts';
import { type HealthContext, progressing, suspended, type Verdict } from '../scale.ts';

/** A CloudNativePG Cluster: its phases are sentences, and a database that is not archived is not safe though it is ready. */
export function cnpgCluster(object: KubeObject, context: HealthContext): Verdict {
  const phase = textAt(object, 'status', 'phase') ?? '';
  const why = textAt(object, 'status', 'phaseReason') ?? phase;
  if (phase === 'Waiting for user action') return suspended('WaitingForUserAction', why);
  if (phase === 'Failing over') return progressing('FailingOver', why);
  const archiving = condition(object, 'ContinuousArchiving');
  if (archiving?.reason === 'ContinuousArchivingFailing') return degradedBy(archiving);
  return generic(object, context);
}
