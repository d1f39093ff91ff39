import { at, isObject, type Json, type JsonObject } from './json.ts';

/** A step into an object: the key of a map, or the fields that name the item of a list. */
export type Step = string | JsonObject;

/** A value at a path of steps. */
export interface Place {
  readonly path: readonly Step[];
  readonly value: Json;
}

/** Whether an object names a place: has a value there, or a whole that holds it. */
export function names(object: JsonObject, path: readonly Step[]): boolean {
  let here: Json | undefined = object;
  for (const step of path) {
    if (typeof step === 'string' && isObject(here)) here = here[step];
    else if (typeof step !== 'string' && Array.isArray(here)) here = here.find((item) => isCalled(item, step));
    else break;
  }
  return here !== undefined;
}

/**
 * Places as they can be sent with a manifest: where it lacks a list, one value in it can't be sent alone, so that it is
 * the whole list as the answer had it.
 */
export function sendable(places: readonly Place[], manifest: JsonObject, answer: JsonObject): Place[] {
  const whole = new Map<string, Place>();
  for (const place of places) {
    const list = place.path.findIndex((step) => typeof step !== 'string');
    const path = list < 0 || names(manifest, place.path.slice(0, list)) ? place.path : place.path.slice(0, list);
    const value = path === place.path ? place.value : at(answer, ...(path as string[]));
    if (value !== undefined) whole.set(pathText(path), { path, value });
  }
  return [...whole.values()];
}

/** Whether an item may be the one that a step names: keys that it leaves out are filled in by the server. */
export function isCalled(item: Json, step: JsonObject): boolean {
  return (
    isObject(item) && Object.entries(step).every(([key, wanted]) => item[key] === undefined || item[key] === wanted)
  );
}

/** A path as people write it: `spec.template.spec.containers[web].image`. */
export function pathText(path: readonly Step[]): string {
  return path
    .map((step, index) => {
      if (typeof step !== 'string') return `[${Object.values(step).join('/')}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}

/** An object with values put at places. Maps and list items on the way are made where they are missing. */
export function withPlaces<T extends JsonObject>(object: T, places: readonly Place[]): T {
  return places.reduce((so_far, { path, value }) => put(so_far, path, value) as T, object);
}

function put(here: Json | undefined, path: readonly Step[], value: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof step === 'string') {
    const map = isObject(here) ? here : {};
    return { ...map, [step]: put(map[step], rest, value) };
  }
  const list = Array.isArray(here) ? here : [];
  const index = list.findIndex((item) => isCalled(item, step));
  if (index < 0) return [...list, put(step, rest, value)];
  return list.map((item, at) => (at === index ? put(item, rest, value) : item));
}

/** The value at a path; undefined where there is none. */
export function valueAt(object: JsonObject, path: readonly Step[]): Json | undefined {
  let here: Json | undefined = object;
  for (const step of path) {
    if (typeof step === 'string') here = isObject(here) ? here[step] : undefined;
    else here = Array.isArray(here) ? here.find((item) => isItem(item, step)) : undefined;
  }
  return here;
}

/** Whether a step names just this item. An item of a set is named by its value. */
function isItem(item: Json, step: JsonObject): boolean {
  if (!isObject(item)) return item === step['value'];
  return Object.entries(step).every(([key, value]) => item[key] === value);
}

/** An object without what stands at places. Maps that become empty by that go too. */
export function withoutPlaces<T extends JsonObject>(object: T, paths: readonly (readonly Step[])[]): T {
  return paths.reduce((so_far, path) => (taken(so_far, path) ?? {}) as T, object);
}

function taken(here: Json, path: readonly Step[]): Json | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return undefined;
  if (typeof step !== 'string') {
    if (!Array.isArray(here)) return here;
    return here.flatMap((item) => (isItem(item, step) ? (taken(item, rest) ?? []) : [item]));
  }
  if (!isObject(here)) return here;
  const { [step]: inner, ...others } = here;
  const left = inner === undefined ? undefined : taken(inner, rest);
  if (left === undefined) return rest.length > 0 && Object.keys(others).length === 0 ? undefined : others;
  return { ...others, [step]: left };
}
