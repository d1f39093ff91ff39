import { at } from '../diff/json.ts';
import { isHealthIgnored } from '../sync/options.ts';
import { groupOf, type KubeObject } from '../sync/types.ts';
import { deliveryWord } from './custom/delivery.ts';
import { isFluxFailing } from './custom/flux.ts';
import { isPaused } from './custom/pauses.ts';
import { type Condition, conditionsAt, explain } from './kinds/conditions.ts';
import { byConvention } from './kinds/convention.ts';
import { currentConditions, generationOf, lags, ourLastApply } from './kinds/generation.ts';
import { degraded, healthy, progressing, suspended, type Verdict } from './scale.ts';

/**
 * The rules that come before those of any kind, in order; undefined where none of them has a word.
 * @param ruled what a rule that somebody wrote says: it knows better than a field whether an object stands still
 */
export function common(object: KubeObject, ruled?: (object: KubeObject) => Verdict | undefined): Verdict | undefined {
  if (isHealthIgnored(object)) return healthy('Ignored');
  if (at(object, 'metadata', 'deletionTimestamp') !== undefined) return terminating(object);
  // Its controller looks at nothing, not even at its generation.
  if (isPaused(object)) return ruled?.(object) ?? suspended('Suspended', 'is suspended');
  if (lags(object))
    return failedSince(object) ?? progressing('GenerationLag', 'its controller has not seen the last change yet');
  const word = deliveryWord(object);
  if (word !== undefined) return word;
  const { current } = currentConditions(object);
  const stalled = current.find(({ type }) => type === 'Stalled');
  if (stalled?.status === 'True') return degraded('Stalled', explain(stalled));
  const reconciling = current.find(({ type }) => type === 'Reconciling');
  if (reconciling?.status === 'True' && !(isFlux(object) && isFluxFailing(object)))
    return progressing('Reconciling', explain(reconciling));
  return undefined;
}

function terminating(object: KubeObject): Verdict {
  const finalizers = at(object, 'metadata', 'finalizers');
  const names = Array.isArray(finalizers) ? finalizers.filter((name) => typeof name === 'string') : [];
  return progressing('Terminating', `is being deleted${names.length === 0 ? '' : ` (waits for ${names.join(', ')})`}`);
}

/**
 * Some controllers say which generation they have seen only once they succeeded. A failure that came after we wrote the
 * object last is about what we wrote, whatever generation stands there; when that was is known of what we apply.
 */
function failedSince(object: KubeObject): Verdict | undefined {
  const written = ourLastApply(object);
  if (written === undefined) return undefined;
  const generation = generationOf(object);
  const isNew = (one: Condition): boolean => one.since >= written && (one.generation ?? generation) >= generation;
  const since = conditionsAt(object, 'status', 'conditions').filter(isNew);
  const found = byConvention(since);
  return found?.status === 'Degraded' ? found : undefined;
}

function isFlux({ apiVersion }: KubeObject): boolean {
  return groupOf(apiVersion).endsWith('toolkit.fluxcd.io');
}
