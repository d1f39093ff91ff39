import { isObject, type Json, type JsonObject } from '../../diff/json.ts';
import { annotation, isKubeObject, type KubeObject, label, type Problem, type SourcedObject } from '../types.ts';
import type { Rendered } from './plain.ts';
import { substituteText, VariableError, type Variables } from './variables.ts';
import { isPlainText, parseYaml, YamlError } from './yaml.ts';

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
  const made = replacedIn(object, variables);
  if (!isKubeObject(made)) throw new VariableError('a variable makes its name something else than a text');
  cache.set(object, { key, made });
  return made;
}

function isLeftAlone(object: KubeObject): boolean {
  const asked = annotation(object, 'lockstep.dev/substitute');
  const flux = 'kustomize.toolkit.fluxcd.io/substitute';
  return [asked, annotation(object, flux), label(object, flux)].includes('disabled');
}

function replacedIn(value: JsonObject, variables: Variables): JsonObject {
  const made: JsonObject = {};
  for (const [name, inner] of Object.entries(value)) made[name] = replaced(value, name, inner, variables);
  return made;
}

function replaced(holder: object, place: string | number, value: Json | undefined, variables: Variables): Json {
  if (typeof value === 'string') return replacedText(holder, place, value, variables);
  if (Array.isArray(value)) return value.map((item, index) => replaced(value, index, item, variables));
  return isObject(value) ? replacedIn(value, variables) : (value ?? null);
}

function replacedText(holder: object, place: string | number, text: string, variables: Variables): Json {
  if (!text.includes('${')) return text;
  const made = substituteText(text, variables);
  return isPlainText(holder, place) ? scalarOf(made) : made;
}

/** What YAML takes a text for that stands there without quotes. Whatever is no single word or number stays a text. */
function scalarOf(text: string): Json {
  if (/[\n\r]/.test(text)) return text;
  try {
    const [value = null, ...others] = parseYaml(text);
    return others.length > 0 || (typeof value === 'object' && value !== null) ? text : value;
  } catch (error) {
    if (error instanceof YamlError) return text;
    throw error;
  }
}
