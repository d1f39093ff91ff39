import { objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { conditionsAt, degradedBy } from '../kinds/conditions.ts';
import { generic } from '../kinds/generic.ts';
import { degraded, type HealthContext, type Verdict } from '../scale.ts';

/** Istio's analysis leaves messages with a level; a policy of which parts are dropped counts as accepted all the same. */
export function istio(object: KubeObject, context: HealthContext): Verdict {
  const error = objectsAt(object, 'status', 'validationMessages').find((one) => textAt(one, 'level') === 'ERROR');
  if (error !== undefined) {
    const name = textAt(error, 'type', 'name') ?? 'ValidationError';
    const parts = [name, textAt(error, 'message'), textAt(error, 'documentationUrl')].filter(
      (one) => one !== undefined,
    );
    return degraded(name, parts.join(': '));
  }
  const dropped = conditionsAt(object, 'status', 'conditions').find(
    ({ type, reason }) => type.endsWith('Accepted') && reason !== 'Accepted' && reason !== '',
  );
  return dropped === undefined ? generic(object, context) : degradedBy(dropped);
}
