import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { type Condition, condition, degradedBy, progressingBy } from '../kinds/conditions.ts';
import { generic } from '../kinds/generic.ts';
import { isTerminal } from '../kinds/reasons.ts';
import { type HealthContext, healthy, type Verdict } from '../scale.ts';

/** Objects of Flux: one reason may stand for what is waited for and for what is wrong, which only its message tells. */
export function flux(object: KubeObject, context: HealthContext): Verdict {
  // Of an OCI repository nothing is ever fetched, so nothing is ever told.
  if (object.kind === 'HelmRepository' && textAt(object, 'spec', 'type') === 'oci') return healthy('Static');
  const ready = condition(object, 'Ready');
  if (ready?.status !== 'False') return generic(object, context);
  return isFailure(ready) ? degradedBy(ready) : progressingBy(ready);
}

/** Whether an object of Flux has failed: it goes on reconciling while it tells of a failure, and says that it does. */
export function isFluxFailing(object: KubeObject): boolean {
  const ready = condition(object, 'Ready');
  return ready?.status === 'False' && isFailure(ready);
}

function isFailure({ reason, message }: Condition): boolean {
  if (reason === 'DependencyNotReady' || reason === 'SourceNotReady') return message.includes('does not exist');
  if (reason === 'ArtifactFailed') return !message.startsWith('Source artifact not found');
  return isTerminal(reason);
}
