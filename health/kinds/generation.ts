import { at, objectsAt, textAt } from '../../diff/json.ts';
import { isDeliveryManager } from '../../sync/stamp.ts';
import type { KubeObject } from '../../sync/types.ts';
import { type Condition, conditionsAt } from './conditions.ts';

/** Some controllers write numbers as text; -1 and the like mean "none seen"; what is no number says nothing. */
function countOf(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string') return undefined;
  const count = value === '' ? Number.NaN : Number(value);
  return Number.isNaN(count) ? undefined : count;
}

/** metadata.generation; 0 where there is none. */
export function generationOf(object: KubeObject): number {
  return countOf(at(object, 'metadata', 'generation')) ?? 0;
}

/** The generation that a status as a whole is about, where it says so. */
function observedOf(object: KubeObject): number | undefined {
  return countOf(at(object, 'status', 'observedGeneration'));
}

/**
 * Whether a controller has not seen the last change of an object yet: neither its status as a whole nor any of its
 * conditions says that it is about it. Some conditions say so before the whole does: those of Flux when it failed.
 */
export function lags(object: KubeObject): boolean {
  const whole = observedOf(object);
  const seen = conditionsAt(object, 'status', 'conditions').map(({ generation }) => generation);
  const known = [whole, ...seen].filter((one) => one !== undefined);
  return known.length > 0 && Math.max(...known) < generationOf(object);
}

/** Whether a status says which generation it is about, as a whole or in one of its conditions. */
export function tellsGeneration(object: KubeObject): boolean {
  const conditions = conditionsAt(object, 'status', 'conditions');
  return observedOf(object) !== undefined || conditions.some(({ generation }) => generation !== undefined);
}

/** The conditions of an object; those that are about an older generation are told apart. */
export function currentConditions(object: KubeObject): { current: Condition[]; old: Condition[] } {
  const all = conditionsAt(object, 'status', 'conditions');
  const generation = generationOf(object);
  const whole = observedOf(object);
  // What the status says of itself as a whole holds for all of it.
  if (whole !== undefined && whole >= generation) return { current: all, old: [] };
  const isOld = (one: Condition): boolean => (one.generation ?? whole ?? generation) < generation;
  return { current: all.filter((one) => !isOld(one)), old: all.filter(isOld) };
}

/** When we applied an object last, in milliseconds: what others note on it says nothing. */
export function ourLastApply(object: KubeObject): number | undefined {
  const times = objectsAt(object, 'metadata', 'managedFields')
    .filter(({ manager, operation }) => operation === 'Apply' && isDeliveryManager(String(manager)))
    .map((entry) => Date.parse(textAt(entry, 'time') ?? ''))
    .filter((time) => !Number.isNaN(time));
  return times.length === 0 ? undefined : Math.max(...times);
}
