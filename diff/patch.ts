import fastJsonPatch, { type Operation } from 'fast-json-patch';
import { isObject, type Json, type JsonObject, ownValue } from './json.ts';
import { isSameOrder, itemsByKey, listKeys } from './lists.ts';

/**
 * An RFC 6902 patch that leads from one object to the other, for people to read. Items of lists are matched by their keys,
 * so that an item put in front is one operation. Both must be masked already. Integers beyond 2^53 are rounded in it,
 * because the library knows no others.
 */
export function jsonPatch(before: JsonObject, after: JsonObject): Operation[] {
  return compared(rounded(before), rounded(after), '');
}

function compared(before: Json, after: Json, path: string): Operation[] {
  if (isObject(before) && isObject(after)) return comparedMaps(before, after, path);
  if (Array.isArray(before) && Array.isArray(after)) return comparedLists(before, after, path);
  return plainly(before, after, path);
}

function plainly(before: Json, after: Json, path: string): Operation[] {
  return fastJsonPatch.compare([before], [after]).map((one) => ({ ...one, path: `${path}${one.path.slice(2)}` }));
}

function comparedMaps(before: JsonObject, after: JsonObject, path: string): Operation[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key): Operation[] => {
    const place = `${path}/${fastJsonPatch.escapePathComponent(key)}`;
    const [old, now] = [ownValue(before, key), ownValue(after, key)];
    if (now === undefined) return [{ op: 'remove', path: place }];
    return old === undefined ? [{ op: 'add', path: place, value: now }] : compared(old, now, place);
  });
}

function comparedLists(before: Json[], after: Json[], path: string): Operation[] {
  const keys = listKeys([before, after]);
  if (keys === undefined) return plainly(before, after, path);
  const [old, now] = [itemsByKey(before, keys), itemsByKey(after, keys)];
  if (!isSameOrder(old, now)) return [{ op: 'replace', path, value: after }];
  const gone = [...old.keys()].flatMap((name, index) => (now.has(name) ? [] : [index]));
  return [
    // From the end, so that places before it stay what they are.
    ...gone.reverse().map((index): Operation => ({ op: 'remove', path: `${path}/${index}` })),
    ...[...now].flatMap(([name, item], index): Operation[] => {
      const place = `${path}/${index}`;
      const known = old.get(name);
      return known === undefined ? [{ op: 'add', path: place, value: item }] : compared(known, item, place);
    }),
  ];
}

function rounded(value: Json): Json {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(rounded);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]));
}
