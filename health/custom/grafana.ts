import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, progressing, type Verdict } from '../scale.ts';

/** A Grafana of the Grafana operator is made in stages, each of which says how it went. */
export function grafana(object: KubeObject, context: HealthContext): Verdict {
  const stage = textAt(object, 'status', 'stage') ?? '';
  const message = `stage ${stage}: ${textAt(object, 'status', 'lastMessage') ?? ''}`;
  switch (textAt(object, 'status', 'stageStatus')) {
    case 'failed':
      return degraded('StageFailed', message);
    case 'in progress':
      return progressing('StageInProgress', message);
    default:
      return generic(object, context);
  }
}
