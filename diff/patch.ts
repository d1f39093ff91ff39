import fastJsonPatch, { type Operation } from 'fast-json-patch';
import { isObject, type Json, type JsonObject } from './json.ts';

/**
 * An RFC 6902 patch that leads from one object to the other, for people to read. Both must be masked already. Integers
 * beyond 2^53 are rounded in it, because the library knows no others.
 */
export function jsonPatch(before: JsonObject, after: JsonObject): Operation[] {
  return fastJsonPatch.compare(rounded(before) as JsonObject, rounded(after) as JsonObject);
}

function rounded(value: Json): Json {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(rounded);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]));
}
