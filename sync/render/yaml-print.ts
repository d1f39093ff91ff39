import { DUMP_SCHEMA, defineScalarTag, dump, NOT_RESOLVED } from 'js-yaml';
import { isObject, type Json } from '../../diff/json.ts';
import { digits, infinityPattern, resolveInteger, resolveNumber } from './yaml-numbers.ts';

/** It stands in for the library's own, which knows no bigints. */
const integerTag = defineScalarTag<number | bigint>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: digits,
  resolve: (source) => resolveInteger(source) ?? NOT_RESOLVED,
  identify: (value) => typeof value === 'bigint' || Number.isSafeInteger(value),
  represent: (value) => String(value),
});

/** What this reader takes for more than a text, and the library would leave without quotes, such as `0XaB`, and for the end of a document. */
const ambiguousTag = defineScalarTag<true>('tag:lockstep.dev,2026:ambiguous', {
  implicit: true,
  implicitFirstChars: digits,
  resolve: (source) => (isNumeric(source) || /^(?:---|\.\.\.)/.test(source) ? true : NOT_RESOLVED),
  identify: () => false,
});

function isNumeric(source: string): boolean {
  return infinityPattern.test(source) || resolveNumber(source) !== undefined;
}

const plainSchema = DUMP_SCHEMA.withTags(ambiguousTag);
const printSchema = plainSchema.withTags(integerTag);

/** YAML text of a value, one document, without aliases and with long lines left whole. */
export function printYaml(value: Json): string {
  // The dumper writes an anchor wherever one object stands twice; a copy through JSON has none, and no bigints either.
  if (hasBigint(value)) return dump(value, { schema: printSchema, lineWidth: -1 });
  return dump(JSON.parse(JSON.stringify(value)), { schema: plainSchema, lineWidth: -1 });
}

function hasBigint(value: Json): boolean {
  if (typeof value === 'bigint') return true;
  if (Array.isArray(value)) return value.some(hasBigint);
  return isObject(value) && Object.values(value).some(hasBigint);
}
