import { isObject, type Json, type JsonObject } from '../../diff/json.ts';
import { annotation, isKubeObject, type KubeObject, label, type Problem, type SourcedObject } from '../types.ts';
import type { Rendered } from './plain.ts';
import { substituteText, VariableError, type Variables } from './variables.ts';
import { isPlainText, parseYaml } from './yaml.ts';
import { YamlError } from './yaml-error.ts';

/** Objects with their variables replaced, by the objects that they were made of. */
export type Substituted = WeakMap<KubeObject, { readonly key: string; readonly made: KubeObject }>;

/**
 * Replaces the variables in every text of the objects, but of those that ask to be left alone. It is done on what was parsed,
 * so a value never changes what is around it; a text that stood there without quotes becomes the number or word that it then
 * is.
 * @param key tells these variables from others
 * @param cache what was made before by the same variables
 */
export function withVariables(
  { objects, problems }: Rendered,
  variables: Variables,
  key: string,
  cache: Substituted,
): Rendered {
  const wrong: Problem[] = [];
  const made = objects.map((sourced) => {
    try {
      return { ...sourced, object: replacedOnce(sourced.object, variables, key, cache) };
    } catch (error) {
      if (!(error instanceof VariableError)) throw error;
      wrong.push(problemOf(sourced, error.message));
      return sourced;
    }
  });
  return { objects: made, problems: [...problems, ...wrong] };
}

function problemOf({ object, file, document }: SourcedObject, message: string): Problem {
  return { file, document, object: `${object.kind} ${object.metadata.name}`, message };
}

function replacedOnce(object: KubeObject, variables: Variables, key: string, cache: Substituted): KubeObject {
  if (isLeftAlone(object)) return object;
  const before = cache.get(object);
  if (before?.key === key) return before.made;
  const made = replacedIn(object, replacingBy(variables), false);
  if (!isKubeObject(made)) throw new VariableError('a variable makes its name something else than a text');
  cache.set(object, { key, made });
  return made;
}

function isLeftAlone(object: KubeObject): boolean {
  const asked = annotation(object, 'lockstep.dev/substitute');
  const flux = 'kustomize.toolkit.fluxcd.io/substitute';
  return [asked, annotation(object, flux), label(object, flux)].includes('disabled');
}

/** What may come of the variables of one object: more is no object that an API server takes. */
const mostLetters = 3_000_000;

/** How the texts of one object are replaced. */
interface Replacing {
  readonly variables: Variables;
  readonly spend: (letters: number) => void;
}

function replacingBy(variables: Variables): Replacing {
  let left = mostLetters;
  return {
    variables,
    spend: (letters) => {
      left -= letters;
      if (left < 0) throw new VariableError('its variables make it larger than any object may be');
    },
  };
}

/** Fields whose values are texts in every kind: what stands in them never becomes a number. */
const textFields: ReadonlySet<string> = new Set([
  'data',
  'stringData',
  'labels',
  'annotations',
  'args',
  'command',
  'matchLabels',
]);

function replacedIn(value: JsonObject, how: Replacing, isText: boolean): JsonObject {
  const made: JsonObject = {};
  const isEnvironment = typeof value['name'] === 'string' && 'value' in value;
  for (const [name, inner] of Object.entries(value)) {
    const isTextBelow = isText || textFields.has(name) || (isEnvironment && name === 'value');
    made[name] = replaced(value, name, inner, how, isTextBelow);
  }
  return made;
}

function replaced(
  holder: object,
  place: string | number,
  value: Json | undefined,
  how: Replacing,
  isText: boolean,
): Json {
  if (typeof value === 'string') return replacedText(holder, place, value, how, isText);
  if (Array.isArray(value)) return value.map((item, index) => replaced(value, index, item, how, isText));
  return isObject(value) ? replacedIn(value, how, isText) : (value ?? null);
}

function replacedText(holder: object, place: string | number, text: string, how: Replacing, isText: boolean): Json {
  if (!text.includes('${')) return text;
  const made = substituteText(text, how.variables, how.spend);
  if (!isPlainText(holder, place)) return made;
  const scalar = scalarOf(made);
  return isText && typeof scalar !== 'string' ? made : scalar;
}

const quoted = /^(?:"[^\n\r]*"|'[^\n\r]*')$/;
const nothing = /^(?:~|null|Null|NULL)?$/;

/**
 * What YAML takes a text for that stands there without quotes: a number, a word such as `true`, or what stands between quotes
 * that are part of it. Everything else stays the text that it is, whatever YAML would make of its signs.
 */
function scalarOf(text: string): Json {
  if (nothing.test(text)) return null;
  if (!quoted.test(text) && !/^[-+.\w]+$/.test(text)) return text;
  if (/^(?:---|\.\.\.)/.test(text)) return text;
  try {
    const [value = null] = parseYaml(text);
    if (typeof value === 'string') return quoted.test(text) ? value : text;
    return typeof value === 'object' ? text : value;
  } catch (error) {
    if (error instanceof YamlError) return text;
    throw error;
  }
}
