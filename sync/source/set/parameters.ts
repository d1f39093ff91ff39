import { isObject, type Json, type JsonObject } from '../../../diff/json.ts';

/** What one Delivery of a set is made with: values by names with dots between. */
export type Parameters = ReadonlyMap<string, Parameter>;
type Parameter = string | number | bigint | boolean;

/** More are no parameters. */
const most = 1_000;

/**
 * A map as parameters: what stands in maps and lists has a name of all that leads there.
 * @throws Error
 */
export function parametersOf(value: Json): Map<string, Parameter> {
  const found = new Map<string, Parameter>();
  const walk = (inner: Json, prefix: string): void => {
    if (found.size > most) throw new Error(`there are more than ${most} parameters`);
    if (Array.isArray(inner)) for (const [index, one] of inner.entries()) walk(one, `${prefix}${index}.`);
    else if (isObject(inner)) for (const [name, one] of Object.entries(inner)) walk(one ?? null, `${prefix}${name}.`);
    else found.set(prefix.slice(0, -1), inner ?? '');
  };
  if (!isObject(value)) throw new Error('a map is needed');
  walk(value, '');
  return found;
}

/** Where something stands, as parameters: `path`, `path.name`, `path.slug`, and each part of it by its number. */
export function placeParameters(names: readonly string[]): [string, string][] {
  const last = names.at(-1) ?? '';
  return [
    ['path', names.join('/')],
    ['path.name', last],
    ['path.slug', slugOf(last)],
    ...names.map((name, index): [string, string] => [`path.${index}`, name]),
  ];
}

/** A text as a part of a name: lower-case letters, digits and lines. */
export function slugOf(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 50)
    .replaceAll(/^-+|-+$/g, '');
}

const placeholder = /\{\{ *([A-Za-z0-9_.-]+) *\}\}/g;
const onlyPlaceholder = /^\{\{ *([A-Za-z0-9_.-]+) *\}\}$/;

/**
 * A template with its parameters in place. A text that is nothing but one parameter is what that is.
 * @throws Error that names a parameter that nobody gives
 */
export function filled(template: Json, parameters: Parameters): Json {
  if (typeof template === 'string') return filledText(template, parameters);
  if (Array.isArray(template)) return template.map((inner) => filled(inner, parameters));
  if (!isObject(template)) return template;
  const entries = Object.entries(template).map(([name, inner]): [string, Json] => [
    String(filledText(name, parameters)),
    filled(inner ?? null, parameters),
  ]);
  return Object.fromEntries(entries) as JsonObject;
}

function filledText(text: string, parameters: Parameters): Parameter {
  const [, only] = onlyPlaceholder.exec(text) ?? [];
  if (only !== undefined) return parameterAt(only, parameters);
  if (/\{\{|\}\}/.test(text.replaceAll(placeholder, '')))
    throw new Error('a text of the template holds {{ or }} that belongs to no parameter');
  return text.replaceAll(placeholder, (_match, name: string) => String(parameterAt(name, parameters)));
}

function parameterAt(name: string, parameters: Parameters): Parameter {
  const found = parameters.get(name);
  if (found === undefined) throw new Error(`nothing gives the parameter ${name}`);
  return found;
}
