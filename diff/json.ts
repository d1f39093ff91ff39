/** A JSON value in which integers that a double can't hold are bigints: Kubernetes has 64-bit integers. */
export type Json = null | boolean | number | bigint | string | Json[] | JsonObject;

/** A JSON object. Keys such as `__proto__` are refused where text is read, so plain objects are safe. */
export type JsonObject = { [key: string]: Json };

declare global {
  interface JSON {
    rawJSON(text: string): unknown;
  }
}

const longNumber = /\d{16}/;
const safeInteger = /^-?\d+$/;

/**
 * Parses JSON text and keeps integers beyond 2^53 exact, as bigints.
 * @throws SyntaxError as JSON.parse does
 */
export function parseJson(text: string): Json {
  if (!longNumber.test(text)) return JSON.parse(text);
  return JSON.parse(text, keepExact);
}

function keepExact(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? '';
  return safeInteger.test(source) ? BigInt(source) : value;
}

/** The JSON text of a value, bigints as plain numbers. */
export function toJson(value: unknown, indent?: number): string {
  try {
    // Without a replacer it is several times faster, and hardly anything holds a bigint.
    return JSON.stringify(value, undefined, indent);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return exactJson(value, indent);
  }
}

function exactJson(value: unknown, indent: number | undefined): string {
  return JSON.stringify(
    value,
    (_key, item) => (typeof item === 'bigint' ? JSON.rawJSON(item.toString()) : item),
    indent,
  );
}

/** JSON text that is the same for equal values, whatever the order of their keys: what hashes are made over. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'bigint') return value.toString();
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`).join(',')}}`;
}

/** Whether a value is a JSON object (and not null or a list). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a map itself holds under a key. `toString` and the like, which all objects have, are keys as any other. */
export function ownValue(map: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** The value at a path of keys, or undefined where the path ends early. */
export function at(value: Json | undefined, ...path: string[]): Json | undefined {
  let here: Json | undefined = value;
  for (const key of path) here = isObject(here) ? ownValue(here, key) : undefined;
  return here;
}

/** The text at a path, or undefined when there is none or it is no string. */
export function textAt(value: Json | undefined, ...path: string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

/** The number at a path, or undefined when there is none. Bigints are narrowed: counts are small. */
export function numberAt(value: Json | undefined, ...path: string[]): number | undefined {
  const found = at(value, ...path);
  if (typeof found === 'bigint') return Number(found);
  return typeof found === 'number' ? found : undefined;
}

/** The objects of the list at a path; empty when there is no list. */
export function objectsAt(value: Json | undefined, ...path: string[]): JsonObject[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter(isObject) : [];
}

/** The texts of the list at a path; empty when there is no list. */
export function textsAt(value: Json | undefined, ...path: string[]): string[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter((item) => typeof item === 'string') : [];
}
