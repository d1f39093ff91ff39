import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { condition } from '../kinds/conditions.ts';
import { generationOf } from '../kinds/generation.ts';
import { generic } from '../kinds/generic.ts';
import { type HealthContext, progressing, type Verdict } from '../scale.ts';

/** External Secrets note the generation that they synced last in a version of their own: `2-40ef39b4`. */
export function externalSecret(object: KubeObject, context: HealthContext): Verdict {
  const [seen = ''] = (textAt(object, 'status', 'syncedResourceVersion') ?? '').split('-');
  const isReady = condition(object, 'Ready')?.status === 'True';
  // Those that sync once keep the generation of that time.
  const isOnce =
    textAt(object, 'spec', 'refreshPolicy') === 'CreatedOnce' || textAt(object, 'spec', 'refreshInterval') === '0';
  const isOld = isReady && !isOnce && /^\d+$/.test(seen) && Number(seen) < generationOf(object);
  return isOld ? progressing('GenerationLag', 'was synced before its last change') : generic(object, context);
}
