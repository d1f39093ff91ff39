import { objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import { generationOf } from '../kinds/generation.ts';
import { degraded, healthy, progressing, type Verdict } from '../scale.ts';

/** A Gatekeeper ConstraintTemplate is taken pod by pod: each says which generation it has, and what is wrong with it. */
export function constraintTemplate(object: KubeObject): Verdict {
  const pods = objectsAt(object, 'status', 'byPod');
  const [error] = pods.flatMap((pod) => objectsAt(pod, 'errors'));
  if (error !== undefined)
    return degraded(textAt(error, 'code') ?? 'Error', textAt(error, 'message') ?? 'has an error');
  const generation = generationOf(object);
  const behind = pods.filter((pod) => Number(pod['observedGeneration'] ?? 0) < generation).length;
  if (pods.length === 0 || behind > 0)
    return progressing('NotTaken', `${pods.length - behind} of ${pods.length} pods have it`);
  return healthy('Taken');
}
