import { canonicalJson, isObject, type Json, type JsonObject } from './json.ts';

/**
 * The fields by which the API server tells the items of its lists apart, the most exact first. Which set a list has stands
 * only in the server's schema, so the first that tells all items apart is taken.
 */
const keySets: readonly (readonly string[])[] = [
  ['containerPort', 'protocol'],
  ['port', 'protocol'],
  ['mountPath'],
  ['devicePath'],
  ['name'],
  ['topologyKey', 'whenUnsatisfiable'],
  ['key', 'effect'],
  ['type'],
  ['ip'],
  ['uid'],
];

/** Keys that need not be written: the server fills them in. */
const filledIn: Readonly<Record<string, Json>> = { protocol: 'TCP' };

/** The fields that tell the items of lists apart: present in each item, and different from item to item of each list. */
export function listKeys(lists: readonly (readonly Json[])[]): readonly string[] | undefined {
  const items = lists.flat();
  if (items.length === 0 || !items.every(isObject)) return undefined;
  const isTold = (keys: readonly string[]): boolean =>
    items.every((item) => keys.every((key) => isPlain(item[key] ?? filledIn[key])));
  const isUnique = (keys: readonly string[]): boolean =>
    lists.every((list) => new Set(list.map((item) => canonicalJson(keyOfItem(item, keys)))).size === list.length);
  return keySets.find((keys) => isTold(keys) && isUnique(keys));
}

function isPlain(value: Json | undefined): boolean {
  return typeof value === 'string' || typeof value === 'number';
}

/** The fields of an item that name it. */
export function keyOfItem(item: Json, keys: readonly string[]): JsonObject {
  if (!isObject(item)) return {};
  const pairs = keys.map((key) => [key, item[key] ?? filledIn[key]] as const);
  return Object.fromEntries(pairs.filter((pair): pair is readonly [string, Json] => pair[1] !== undefined));
}

/** Items by the fields that name them, in their order. */
export function itemsByKey(list: readonly Json[], keys: readonly string[]): Map<string, Json> {
  return new Map(list.map((item) => [Object.values(keyOfItem(item, keys)).join('/'), item]));
}

/** The names that two lists share, in the order of the first. */
export function sharedNames(one: ReadonlyMap<string, Json>, other: ReadonlyMap<string, Json>): string[] {
  return [...one.keys()].filter((name) => other.has(name));
}

/** Whether two lists have what they share in the same order. */
export function isSameOrder(one: ReadonlyMap<string, Json>, other: ReadonlyMap<string, Json>): boolean {
  return sharedNames(one, other).join('\n') === sharedNames(other, one).join('\n');
}

/** Every way in which the server may name an item: the sets of its fields that could be a key. */
export function possibleKeys(item: JsonObject): JsonObject[] {
  return keySets
    .filter((keys) => keys.every((key) => item[key] !== undefined || filledIn[key] !== undefined))
    .map((keys) => keyOfItem(item, keys));
}
