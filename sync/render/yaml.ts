import {
  DUMP_SCHEMA,
  defineMappingTag,
  defineScalarTag,
  dump,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  Schema,
  seqTag,
  strTag,
  YAMLException,
} from 'js-yaml';
import { isObject, type Json, type JsonObject } from '../../diff/json.ts';

/** What one file may hold; more is refused before it can hurt. */
const yamlLimits = {
  bytes: 16 * 1024 * 1024,
  scalarBytes: 3 * 1024 * 1024,
  depth: 100,
  aliases: 200,
  nodes: 2_000_000,
};

/** Text that could not be read. The message names the place and the reason and never quotes the file. */
export class YamlError extends Error {
  readonly line: number | undefined;
  constructor(message: string, line?: number) {
    super(message);
    this.name = 'YamlError';
    this.line = line;
  }
}

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
  if (source.includes('*')) limitNodes(documents);
  return documents;
}

function load(source: string): Json[] {
  try {
    return loadStrictly(source);
  } catch (error) {
    if (isDeficient(error)) return loadIndenting(source, loadStrictly);
    throw readable(error, 0);
  }
}

function loadStrictly(source: string): Json[] {
  return loadAll(source, { schema, maxDepth: yamlLimits.depth, maxAliases: yamlLimits.aliases }) as Json[];
}

function readable(error: unknown, linesBefore: number): YamlError {
  if (error instanceof YamlError) return error;
  if (!(error instanceof YAMLException)) return new YamlError('can not be read');
  const line = error.mark === undefined ? undefined : error.mark.line + 1 + linesBefore;
  return new YamlError(withoutQuotes(error.reason), line);
}

/**
 * The library ends a text that does not end with a line break by one, and a block of text at its end then has a break that
 * nobody wrote.
 */
function withoutAddedBreak(source: string, documents: Json[]): Json[] {
  const added = `${source.slice(source.lastIndexOf('\n') + 1).trimStart()}\n`;
  const shorten = (value: Json | undefined): Json | undefined => {
    if (typeof value === 'string') return value.endsWith(added) ? value.slice(0, -1) : undefined;
    if (value === null || typeof value !== 'object') return undefined;
    const holder = value as JsonObject;
    const last = Object.keys(holder).at(-1) ?? '';
    const shorter = shorten(holder[last]);
    if (typeof shorter === 'string') holder[last] = shorter;
    return undefined;
  };
  const shorter = added === '\n' ? undefined : shorten(documents.at(-1));
  return typeof shorter === 'string' ? [...documents.slice(0, -1), shorter] : documents;
}

/**
 * Brackets, braces and quotes may go on in lines that are indented no further than what they belong to: kubectl reads that,
 * and the library refuses it by name and line. Blanks at the beginning of such a line mean nothing, so it gets some.
 */
function isDeficient(error: unknown): error is YAMLException & { mark: NonNullable<YAMLException['mark']> } {
  return error instanceof YAMLException && error.reason === 'deficient indentation' && error.mark !== undefined;
}

/** More lines of one document are not worth the time. */
const mostIndented = 500;
/** Blanks that are added at once: more than anybody indents by. */
const indentation = ' '.repeat(120);

/** Document by document, since each line that is mended costs another look at the whole. */
function loadIndenting(source: string, strictly: (text: string) => Json[]): Json[] {
  const documents = source.split(/^(?=---(?:[ \t\r]|$))/m);
  const [first = '', second] = documents;
  // What stands before the first mark, comments and directives, is part of what comes next.
  const isPreamble = second !== undefined && /^(?:[ \t]*(?:#.*)?\r?\n|%.*\n)*$/.test(first);
  const whole = isPreamble ? [first + second, ...documents.slice(2)] : documents;
  let lines = 0;
  return whole.flatMap((document) => {
    const before = lines;
    const rows = document.split('\n');
    lines += rows.length - 1;
    for (let mended = 0; ; mended += 1) {
      try {
        return strictly(rows.join('\n'));
      } catch (error) {
        const row = isDeficient(error) ? rows[error.mark.line] : undefined;
        if (!isDeficient(error) || row === undefined || row.startsWith(indentation) || mended >= mostIndented)
          throw readable(error, before);
        rows[error.mark.line] = indentation + row;
      }
    }
  });
}

/** The library quotes names of aliases, anchors and tags, and any of them may be a password that lacks its quotes. */
function withoutQuotes(reason: string): string {
  return reason.replace(/\s*("[^"]*"|'[^']*'|!<[^>]*>)/g, '').trim();
}

/** Aliases share what they name, so a small file can unfold into a huge object when it is written out. */
function limitNodes(documents: readonly Json[]): void {
  let nodes = 0;
  const pending: Json[] = [...documents];
  while (pending.length > 0) {
    const value = pending.pop();
    nodes += 1;
    if (nodes > yamlLimits.nodes) throw new YamlError('its aliases unfold into too many values');
    if (Array.isArray(value)) pending.push(...value);
    else if (isObject(value)) pending.push(...Object.values(value));
  }
}

const digits = '0123456789+-.'.split('');
const floatPattern = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const infinityPattern = /^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/;
const datePattern = /^\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?$/;

/** A number as Go's strconv reads it with base 0; undefined when the text is none. */
function resolveNumber(source: string): number | bigint | undefined {
  if (infinityPattern.test(source)) throw new YamlError('infinity and not-a-number have no JSON form');
  if (datePattern.test(source)) return undefined;
  const plain = source.replaceAll('_', '');
  const integer = resolveInteger(plain);
  if (integer !== undefined) return integer;
  if (!floatPattern.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? value : undefined;
}

const integerPattern = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;
const maxUnsigned = 2n ** 64n - 1n;
const minSigned = -(2n ** 63n);

function resolveInteger(plain: string): number | bigint | undefined {
  const match = integerPattern.exec(plain);
  if (match === null) return undefined;
  const [, sign = '', body = '0'] = match;
  const octal = /^0[0-7]+$/.test(body) ? `0o${body.slice(1)}` : body;
  const magnitude = BigInt(octal);
  const value = sign === '-' ? -magnitude : magnitude;
  if (value > maxUnsigned || value < minSigned) return undefined;
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
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
  has: (carrier, key) => Object.hasOwn(carrier, String(key)),
  keys: (result) => Object.keys(result),
  get: (result, key) => result[String(key)],
  identify: () => false,
});

function addPair(carrier: JsonObject, key: unknown, value: unknown): string {
  if (key === null) return 'null is no key';
  if (typeof key === 'object') return 'a list or map is no key';
  const name = String(key);
  if (forbiddenKeys.has(name)) return `the key ${name} is not allowed`;
  carrier[name] = value as Json;
  return '';
}

const schema = new Schema([
  stringTag,
  seqTag,
  mapTag,
  nullYaml11Tag,
  boolTag,
  numberTag,
  floatTag,
  binaryTag,
  mergeTag,
]);

const bigintTag = defineScalarTag<bigint>('tag:yaml.org,2002:int', {
  resolve: () => NOT_RESOLVED,
  identify: (value) => typeof value === 'bigint',
  represent: (value) => String(value),
});

const printSchema = DUMP_SCHEMA.withTags(bigintTag);

/** YAML text of a value, one document, without aliases and with long lines left whole. */
export function printYaml(value: Json): string {
  // The dumper writes an anchor wherever one object stands twice; a copy through JSON has none, and no bigints either.
  if (hasBigint(value)) return dump(value, { schema: printSchema, lineWidth: -1 });
  return dump(JSON.parse(JSON.stringify(value)), { schema: DUMP_SCHEMA, lineWidth: -1 });
}

function hasBigint(value: Json): boolean {
  if (typeof value === 'bigint') return true;
  if (Array.isArray(value)) return value.some(hasBigint);
  return isObject(value) && Object.values(value).some(hasBigint);
}
