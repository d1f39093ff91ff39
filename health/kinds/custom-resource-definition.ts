import type { KubeObject } from '../../sync/types.ts';
import { degraded, healthy, progressing, type Verdict } from '../scale.ts';
import { condition, explain } from './conditions.ts';

/** A CRD is healthy once its kind is served. Names that clash and schemas that are not structural need a person. */
export function customResourceDefinition(object: KubeObject): Verdict {
  const names = condition(object, 'NamesAccepted');
  if (names?.status === 'False') return degraded('NamesNotAccepted', explain(names));
  const schema = condition(object, 'NonStructuralSchema');
  if (schema?.status === 'True') return degraded('NonStructuralSchema', explain(schema));
  if (condition(object, 'Established')?.status === 'True') return healthy('Established');
  return progressing('NotEstablished', 'is not served yet');
}
