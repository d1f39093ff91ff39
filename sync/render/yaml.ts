import {
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  Schema,
  strTag,
  YAMLException,
} from 'js-yaml';
import { isObject, type Json, type JsonObject } from '../../diff/json.ts';
import { YamlError } from './yaml-error.ts';
import { digits, resolveNumber } from './yaml-numbers.ts';
import { indenting, limitNodes, withoutAddedBreak } from './yaml-text.ts';

/** Longer files are refused, in letters. */
export const longestYaml = 16 * 1024 * 1024;

/** What else one file may hold; more is refused before it can hurt. */
const yamlLimits = {
  bytes: longestYaml,
  scalarBytes: 3 * 1024 * 1024,
  depth: 100,
  aliases: 200,
  nodes: 2_000_000,
};

/**
 * Reads YAML or JSON text as the API server's own clients do (sigs.k8s.io/yaml: YAML 1.1 booleans, octal numbers, dates
 * as text), but refuses what they let pass silently: duplicate keys, unknown tags, nulls as keys.
 * @returns one value per document, null for an empty one
 * @throws YamlError with the line, counted from 1
 */
export function parseYaml(text: string): Json[] {
  if (text.length > yamlLimits.bytes) throw new YamlError(`the file is larger than ${yamlLimits.bytes} bytes`);
  const source = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const documents = source.endsWith('\n') ? load(source) : withoutAddedBreak(source, load(source));
  if (source.includes('*'))
    limitNodes(documents, valuesIn, yamlLimits.nodes, 'its aliases unfold into too many values');
  return documents;
}

function load(source: string): Json[] {
  try {
    return loadStrictly(source);
  } catch (error) {
    if (deficientLine(error) === undefined) throw readable(error, 0);
    return indenting(source, { load: loadStrictly, deficientLine, readable });
  }
}

function loadStrictly(source: string): Json[] {
  const documents = loadAll(source, { schema, maxDepth: yamlLimits.depth, maxAliases: yamlLimits.aliases });
  return documents.map((document) => (document instanceof PlainText ? document.text : (document as Json)));
}

function readable(error: unknown, linesBefore: number): YamlError {
  if (error instanceof YamlError) return error;
  if (!(error instanceof YAMLException)) return new YamlError('can not be read');
  const line = error.mark === undefined ? undefined : error.mark.line + 1 + linesBefore;
  return new YamlError(withoutQuotes(error.reason), line);
}

/** The line, from 0, in which brackets, braces or quotes go on with too few blanks before it for the library. */
function deficientLine(error: unknown): number | undefined {
  return error instanceof YAMLException && error.reason === 'deficient indentation' ? error.mark?.line : undefined;
}

/** The library quotes names of aliases, anchors and tags, between quotes or behind a colon, and any of them may be a password. */
function withoutQuotes(reason: string): string {
  return reason
    .replace(/:\s[\s\S]*$/, '')
    .replace(/\s*("[^"]*"|'[^']*'|!<[^>]*>)/g, '')
    .trim();
}

function valuesIn(value: Json): readonly Json[] {
  return value === null || typeof value !== 'object' ? [] : (Object.values(value) as Json[]);
}

const trueWords = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']);
const falseWords = new Set(['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']);

const boolTag = defineScalarTag<boolean>('tag:yaml.org,2002:bool', {
  implicit: true,
  implicitFirstChars: 'yYnNtTfFoO'.split(''),
  resolve: (source) => (trueWords.has(source) ? true : falseWords.has(source) ? false : NOT_RESOLVED),
  identify: () => false,
});

const numberTag = defineScalarTag<number | bigint>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: digits,
  resolve: (source) => resolveNumber(source) ?? NOT_RESOLVED,
  identify: () => false,
});

const floatTag = defineScalarTag<number | bigint>('tag:yaml.org,2002:float', {
  resolve: (source) => resolveNumber(source) ?? NOT_RESOLVED,
  identify: () => false,
});

const binaryTag = defineScalarTag<string>('tag:yaml.org,2002:binary', {
  resolve: (source) => Buffer.from(source, 'base64').toString('utf8'),
  identify: () => false,
});

/** A text that begins with a variable and stands there without quotes: with the variable's value it may be another type. */
class PlainText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The places of such texts, by what holds them. */
const plainTexts = new WeakMap<object, Set<string | number>>();

/** Where such texts stand in a value. */
export function plainPlaces(value: Json, path: readonly (string | number)[] = []): (string | number)[][] {
  if (value === null || typeof value !== 'object') return [];
  const own = [...(plainTexts.get(value) ?? [])].map((place) => [...path, place]);
  const entries: [string | number, Json][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return own.concat(...entries.map(([place, inner]) => plainPlaces(inner, [...path, place])));
}

/** Notes the same places in a value that was copied. */
export function notePlain(value: Json, places: readonly (readonly (string | number)[])[]): void {
  for (const path of places) {
    const holder = path.slice(0, -1).reduce<Json | undefined>((at, step) => stepInto(at, step), value);
    const last = path.at(-1);
    if (holder !== null && typeof holder === 'object' && last !== undefined)
      plainTexts.set(holder, (plainTexts.get(holder) ?? new Set()).add(last));
  }
}

function stepInto(value: Json | undefined, step: string | number): Json | undefined {
  return Array.isArray(value) ? value[Number(step)] : isObject(value) ? value[step] : undefined;
}

/** Whether a text stood in its place without quotes, and begins with a variable. */
export function isPlainText(holder: object, place: string | number): boolean {
  return plainTexts.get(holder)?.has(place) ?? false;
}

const variableTag = defineScalarTag<PlainText>('tag:lockstep.dev,2026:variable', {
  implicit: true,
  implicitFirstChars: ['$'],
  resolve: (source) => (source.startsWith('${') ? new PlainText(resolveString(source)) : NOT_RESOLVED),
  identify: () => false,
});

/** Takes the text, and remembers where it stands. */
function unwrapped(holder: object, place: string | number, value: unknown): Json {
  if (!(value instanceof PlainText)) return value as Json;
  const places = plainTexts.get(holder) ?? new Set();
  plainTexts.set(holder, places.add(place));
  return value.text;
}

function wrapped(holder: JsonObject, place: string): unknown {
  const value = holder[place];
  return typeof value === 'string' && isPlainText(holder, place) ? new PlainText(value) : value;
}

const listTag = defineSequenceTag<Json[]>('tag:yaml.org,2002:seq', {
  create: () => [],
  addItem: (list, item) => {
    list.push(unwrapped(list, list.length, item));
    return '';
  },
  identify: () => false,
});

const stringTag = { ...strTag, resolve: resolveString };

function resolveString(source: string): string {
  if (source.length > yamlLimits.scalarBytes)
    throw new YamlError(`a value is longer than ${yamlLimits.scalarBytes} bytes`);
  return source;
}

/** Keys that would reach an object's prototype in some library down the line. */
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);

const mapTag = defineMappingTag<JsonObject>('tag:yaml.org,2002:map', {
  create: () => ({}),
  addPair: addPair,
  has: (carrier, key) => Object.hasOwn(carrier, nameOf(key)),
  keys: (result) => Object.keys(result),
  // What is merged takes along that it stood without quotes.
  get: (result, key) => wrapped(result, nameOf(key)),
  identify: () => false,
});

function addPair(carrier: JsonObject, key: unknown, value: unknown): string {
  if (key === null) return 'null is no key';
  if (typeof key === 'object' && !(key instanceof PlainText)) return 'a list or map is no key';
  const name = nameOf(key);
  if (forbiddenKeys.has(name)) return `the key ${name} is not allowed`;
  carrier[name] = unwrapped(carrier, name, value);
  return '';
}

function nameOf(key: unknown): string {
  return key instanceof PlainText ? key.text : String(key);
}

const schema = new Schema([
  stringTag,
  listTag,
  variableTag,
  mapTag,
  nullYaml11Tag,
  boolTag,
  numberTag,
  floatTag,
  binaryTag,
  mergeTag,
]);
