import { at, canonicalJson, isObject, type Json, type JsonObject } from './json.ts';

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

/** Whether a path leads to a place, or to something in it. */
export function isWithin(path: readonly Step[], place: readonly Step[]): boolean {
  return place.every((step, index) => canonicalJson(step) === canonicalJson(path[index] ?? null));
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
  return places.length === 0 ? object : (put(object, places, 0) as T);
}

/** What is put below a value is put at once: a wide map is copied once, not once for each of its keys. */
function put(here: Json | undefined, places: readonly Place[], depth: number): Json {
  const whole = places.findLast(({ path }) => path.length === depth);
  if (whole !== undefined) return whole.value;
  const groups = byStep(places, depth);
  if (groups.every(({ step }) => typeof step === 'string')) {
    const map = isObject(here) ? { ...here } : {};
    for (const { step, places: below } of groups) map[step as string] = put(map[step as string], below, depth + 1);
    return map;
  }
  const list = Array.isArray(here) ? [...here] : [];
  for (const { step, places: below } of groups) {
    const index = list.findIndex((item) => isCalled(item, step as JsonObject));
    if (index < 0) list.push(put(step as JsonObject, below, depth + 1));
    else list[index] = put(list[index], below, depth + 1);
  }
  return list;
}

interface Group<P> {
  readonly step: Step;
  readonly places: P[];
}

/** Places by their step at a depth, in their order. */
function byStep<P extends { readonly path: readonly Step[] }>(places: readonly P[], depth: number): Group<P>[] {
  const groups = new Map<string, Group<P>>();
  for (const place of places) {
    const step = place.path[depth] ?? '';
    const name = typeof step === 'string' ? step : `[${canonicalJson(step)}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { step, places: [place] });
    else group.places.push(place);
  }
  return [...groups.values()];
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

/** What stands at paths, where there is something. */
export function placesAt(object: JsonObject, paths: readonly (readonly Step[])[]): Place[] {
  return paths.flatMap((path): Place[] => {
    const value = valueAt(object, path);
    return value === undefined ? [] : [{ path, value }];
  });
}

/** Whether a step names just this item. An item of a set is named by its value. */
function isItem(item: Json, step: JsonObject): boolean {
  if (!isObject(item)) return item === step['value'];
  return Object.entries(step).every(([key, value]) => item[key] === value);
}

/** An object without what stands at places. Maps that become empty by that go too. */
export function withoutPlaces<T extends JsonObject>(object: T, paths: readonly (readonly Step[])[]): T {
  const places = paths.map((path) => ({ path }));
  return places.length === 0 ? object : ((taken(object, places, 0) ?? {}) as T);
}

function taken(here: Json, places: readonly { readonly path: readonly Step[] }[], depth: number): Json | undefined {
  if (places.some(({ path }) => path.length === depth)) return undefined;
  const groups = byStep(places, depth);
  if (Array.isArray(here)) {
    return here.flatMap((item) => {
      const own = groups.filter(({ step }) => typeof step !== 'string' && isItem(item, step));
      const below = own.flatMap((group) => group.places);
      return below.length === 0 ? [item] : (taken(item, below, depth + 1) ?? []);
    });
  }
  if (!isObject(here)) return here;
  const left: JsonObject = { ...here };
  for (const { step, places: below } of groups) {
    if (typeof step !== 'string') continue;
    const inner = left[step];
    const rest = inner === undefined ? undefined : taken(inner, below, depth + 1);
    if (rest === undefined) delete left[step];
    else left[step] = rest;
  }
  const isEmptied = depth > 0 && Object.keys(left).length === 0 && Object.keys(here).length > 0;
  return isEmptied ? undefined : left;
}
