import {
  appliedBy,
  type FieldSet,
  ownedByAny,
  pathsOf,
  stepsOf,
  unionOf,
  withFieldSets,
  without,
} from '../../../diff/field-sets.ts';
import { asLive, fieldsAt, type Ignored, ownedPlaces, pointedAt, pointedInMaps } from '../../../diff/ignore.ts';
import { isObject, type JsonObject } from '../../../diff/json.ts';
import { type Step, withoutPlaces } from '../../../diff/places.ts';
import type { KubeObject } from '../../types.ts';

/** The places of a manifest that are left alone of a live object. */
function placesAlone(manifest: KubeObject, live: KubeObject, { pointers, managers }: Ignored): (readonly Step[])[] {
  const theirs = managers.length === 0 ? {} : ownedByAny(live, (manager) => managers.includes(manager));
  return [...pointedAt(manifest, pointers), ...ownedPlaces(manifest, theirs)];
}

/** All of a live object that is left alone. What its manifest does not name can only be told with no list on the way to it. */
export function allAlone(manifest: KubeObject, live: KubeObject, ignored: Ignored): (readonly Step[])[] {
  return [...placesAlone(manifest, live, ignored), ...pointedInMaps(live, ignored.pointers)];
}

/**
 * A manifest as it is tried on a live object: what is left alone has the values that it has there, also where only we own
 * it and the manifest names it no more.
 */
export function withLiveValues(manifest: KubeObject, live: KubeObject, own: string, ignored: Ignored): KubeObject {
  const ours = ourFieldsAlone(live, manifest, own, ignored);
  return asLive(manifest, live, [
    ...placesAlone(manifest, live, ignored),
    ...(ours === undefined ? [] : pathsOf(ours)),
  ]);
}

/**
 * A manifest as it is applied to a live object: without what is left alone. What lies inside a whole that can only be owned
 * as one has the value that it has there.
 */
export function withoutIgnored(manifest: KubeObject, live: KubeObject, ignored: Ignored): KubeObject {
  const places = placesAlone(manifest, live, ignored);
  // Who writes a part of such a whole owns all of it: so whoever that is tells that it is one.
  const set = ownedByAny(live, () => true);
  const inside = places.filter((path) => isInsideWhole(set, path));
  const alone = places.filter((path) => !inside.includes(path));
  return asLive(withoutPlaces(manifest, alone), live, inside);
}

/** Whether a set has a leaf on the way to a place. */
function isInsideWhole(set: FieldSet, path: readonly Step[]): boolean {
  let here: FieldSet = set;
  for (const [index, step] of path.entries()) {
    const below = here[nameIn(here, step) ?? ''];
    if (!isObject(below)) return false;
    if (stepsOf(below).length === 0) return index < path.length - 1;
    here = below;
  }
  return false;
}

/** What a set calls a step: an item has the keys there that the server knows it by. */
function nameIn(set: FieldSet, step: Step): string | undefined {
  if (typeof step === 'string') return `f:${step}`;
  return Object.keys(set).find((name) => {
    if (!name.startsWith('k:')) return false;
    const keys: JsonObject = JSON.parse(name.slice(2));
    return Object.entries(step).every(([key, value]) => keys[key] === undefined || keys[key] === value);
  });
}

function ourFieldsAlone(
  object: KubeObject,
  manifest: KubeObject,
  own: string,
  { pointers }: Ignored,
): FieldSet | undefined {
  const set = appliedBy(object, own);
  const ours = set === undefined ? [] : fieldsAt(set, manifest, pointers);
  return ours.length === 0 ? undefined : ours.reduce(unionOf);
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
  const ours = ourFieldsAlone(object, manifest, own, ignored);
  if (ours === undefined) return undefined;
  return withFieldSets(object, (entry) =>
    entry.manager === own && entry.operation === 'Apply' ? (without(entry.fields, ours) ?? {}) : entry.fields,
  );
}
