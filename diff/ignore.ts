import { type FieldSet, madeOf, stepsOf } from './field-sets.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { keyOfItem, listKeys } from './lists.ts';
import { isCalled, placesAt, type Step, valueAt, withoutPlaces, withPlaces } from './places.ts';

/** What is left alone of one object: neither compared nor applied, beside its creation. */
export interface Ignored {
  /** JSON pointers (RFC 6901) into the manifest; `*` stands for every item of a list. */
  readonly pointers: readonly string[];
  /** Field managers whose fields are theirs. */
  readonly managers: readonly string[];
}

/** The parts of a JSON pointer; undefined when the text is none. */
export function pointerParts(pointer: string): string[] | undefined {
  if (!/^(\/([^~/]|~[01])*)+$/.test(pointer)) return undefined;
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The places of an object that pointers name. Where there is nothing, or an item without a name, there is no place. */
export function pointedAt(object: JsonObject, pointers: readonly string[]): (readonly Step[])[] {
  return pointers.flatMap((pointer) => follow(object, pointerParts(pointer) ?? [], []));
}

/** The places that pointers name without going through a list. */
export function pointedInMaps(object: JsonObject, pointers: readonly string[]): (readonly Step[])[] {
  return pointedAt(object, pointers).filter((path) => path.every((step) => typeof step === 'string'));
}

/** An object without what pointers name: what is left of it is what counts. */
export function withoutPointed<T extends JsonObject>(object: T, pointers: readonly string[]): T {
  return withoutPlaces(object, pointedAt(object, pointers));
}

function follow(here: Json | undefined, parts: readonly string[], path: readonly Step[]): Step[][] {
  const [part, ...rest] = parts;
  if (here === undefined) return [];
  if (part === undefined) return path.length === 0 ? [] : [[...path]];
  if (isObject(here)) return follow(here[part], rest, [...path, part]);
  const keys = Array.isArray(here) ? listKeys([here]) : undefined;
  if (!Array.isArray(here) || keys === undefined) return [];
  return itemsOf(here, part).flatMap((item) => follow(item, rest, [...path, presentKey(item, keys)]));
}

function itemsOf(list: readonly Json[], part: string): Json[] {
  return list.filter((_item, index) => part === '*' || String(index) === part);
}

/** Whether a pointer names an item of a list whose items have no names: it can't be left out of what is applied. */
export function isNameless(object: JsonObject, pointer: string): boolean {
  let here: Json | undefined = object;
  for (const part of pointerParts(pointer) ?? []) {
    if (isObject(here)) here = here[part];
    else if (Array.isArray(here)) {
      const [item] = itemsOf(here, part);
      if (item !== undefined && listKeys([here]) === undefined) return true;
      here = item;
    } else return false;
  }
  return false;
}

/** A key that is not written is filled in by the server only. */
function presentKey(item: Json, keys: readonly string[]): JsonObject {
  const key = keyOfItem(item, keys);
  return Object.fromEntries(Object.entries(key).filter(([name]) => isObject(item) && item[name] !== undefined));
}

/** What of a set of fields lies at or below pointers. Items of lists are those of the manifest. */
export function fieldsAt(set: FieldSet, manifest: JsonObject, pointers: readonly string[]): FieldSet[] {
  return pointers.flatMap((pointer): FieldSet[] => {
    const found = pick(set, pointerParts(pointer) ?? [], manifest);
    return found === undefined ? [] : [found];
  });
}

function pick(set: FieldSet, parts: readonly string[], value: Json | undefined): FieldSet | undefined {
  const [part, ...rest] = parts;
  if (part === undefined) return set;
  const below = stepsOf(set).flatMap(([name, child]): [string, FieldSet][] =>
    itemsAt(name, part, value).flatMap((item): [string, FieldSet][] => {
      const inner = pick(child, rest, item);
      return inner === undefined ? [] : [[name, inner]];
    }),
  );
  return madeOf(false, below);
}

/** What a part of a pointer means at a step of a set: one value, which may be unknown, or none. */
function itemsAt(name: string, part: string, value: Json | undefined): (Json | undefined)[] {
  if (name.startsWith('f:')) return name.slice(2) === part ? [isObject(value) ? value[part] : undefined] : [];
  const step: Json = JSON.parse(name.slice(2));
  if (!Array.isArray(value) || !isObject(step)) return part === '*' ? [undefined] : [];
  const index = value.findIndex((item) => isCalled(item, step));
  if (part === '*') return [value[index]];
  return index >= 0 && String(index) === part ? [value[index]] : [];
}

/** The places of a manifest that somebody else owns. What names the item of a list is no place of its own. */
export function ownedPlaces(manifest: JsonObject, theirs: FieldSet): (readonly Step[])[] {
  return owned(manifest, theirs, []);
}

function owned(value: Json | undefined, set: FieldSet, path: readonly Step[]): Step[][] {
  if (value === undefined) return [];
  const steps = stepsOf(set);
  const last = path.at(-1);
  if (steps.length === 0) return typeof last === 'string' ? [[...path]] : [];
  return steps.flatMap(([name, below]) => {
    if (!name.startsWith('f:')) return ownedInItem(value, JSON.parse(name.slice(2)), below, path);
    const key = name.slice(2);
    const isName = isObject(last) && key in last;
    return isName || !isObject(value) ? [] : owned(value[key], below, [...path, key]);
  });
}

function ownedInItem(list: Json, step: Json, below: FieldSet, path: readonly Step[]): Step[][] {
  if (!isObject(step) || !Array.isArray(list)) return [];
  const item = list.find((one) => isCalled(one, step));
  return item === undefined ? [] : owned(item, below, [...path, presentKey(item, Object.keys(step))]);
}

/** A manifest in which places have the values of the live object; what is not there is left out. */
export function asLive<T extends JsonObject>(manifest: T, live: JsonObject, places: readonly (readonly Step[])[]): T {
  const absent = places.filter((path) => valueAt(live, path) === undefined);
  return withPlaces(withoutPlaces(manifest, absent), placesAt(live, places));
}
