import {
  appliedBy,
  type FieldSet,
  ownedByAny,
  stepsOf,
  unionOf,
  withFieldSets,
  without,
} from '../../../diff/field-sets.ts';
import { asLive, fieldsAt, type Ignored, ownedPlaces, pointedAt } from '../../../diff/ignore.ts';
import { isObject, type JsonObject } from '../../../diff/json.ts';
import { type Step, withoutPlaces } from '../../../diff/places.ts';
import type { KubeObject } from '../../types.ts';

/** The places of a manifest that are left alone of a live object. */
function placesOf(manifest: KubeObject, live: KubeObject, { pointers, managers }: Ignored): (readonly Step[])[] {
  const theirs = managers.length === 0 ? {} : ownedByAny(live, (manager) => managers.includes(manager));
  return [...pointedAt(manifest, pointers), ...ownedPlaces(manifest, theirs)];
}

/** A manifest as it is tried on a live object: what is left alone has the values that it has there. */
export function withLiveValues(manifest: KubeObject, live: KubeObject, ignored: Ignored): KubeObject {
  return asLive(manifest, live, placesOf(manifest, live, ignored));
}

/**
 * A manifest as it is applied to a live object: without what is left alone. What lies inside a whole that can only be owned
 * as one has the value that it has there.
 */
export function withoutIgnored(manifest: KubeObject, live: KubeObject, own: string, ignored: Ignored): KubeObject {
  const places = placesOf(manifest, live, ignored);
  const set = appliedBy(live, own) ?? {};
  const inside = places.filter((path) => isInsideWhole(set, path));
  const alone = places.filter((path) => !inside.includes(path));
  return asLive(withoutPlaces(manifest, alone), live, inside);
}

/** Whether a set has a leaf on the way to a place. */
function isInsideWhole(set: FieldSet, path: readonly Step[]): boolean {
  let here: FieldSet = set;
  for (const [index, step] of path.entries()) {
    const below = typeof step === 'string' ? here[`f:${step}`] : undefined;
    if (!isObject(below)) return false;
    if (stepsOf(below).length === 0) return index < path.length - 1;
    here = below;
  }
  return false;
}

/**
 * The managers of an object as they are once we have let go of what is left alone: its values stay as they are, and whoever
 * wants to may take them.
 * @returns undefined when there is nothing to let go of
 */
export function withoutOurs(
  object: KubeObject,
  manifest: KubeObject,
  own: string,
  ignored: Ignored,
): JsonObject[] | undefined {
  const set = appliedBy(object, own);
  const ours = set === undefined ? [] : fieldsAt(set, manifest, ignored.pointers);
  if (set === undefined || ours.length === 0) return undefined;
  const all = ours.reduce(unionOf);
  return withFieldSets(object, (entry) =>
    entry.manager === own && entry.operation === 'Apply' ? (without(entry.fields, all) ?? {}) : entry.fields,
  );
}
