import { objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { conditionsAt, degradedBy } from '../kinds/conditions.ts';
import { healthy, type Verdict } from '../scale.ts';

/** What Prometheuses select: most have no status; where there is one, each says whether it takes it. */
export function prometheusMonitor(object: KubeObject): Verdict {
  for (const binding of objectsAt(object, 'status', 'bindings')) {
    const refused = conditionsAt(binding, 'conditions').find(
      (one) => one.type === 'Accepted' && one.status === 'False',
    );
    if (refused === undefined) continue;
    const found = degradedBy(refused);
    return { ...found, message: `${textAt(binding, 'name')}: ${found.message}` };
  }
  return healthy();
}
