import { YamlError } from './yaml-error.ts';

/** What a number begins with. */
export const digits = '0123456789+-.'.split('');
const floatPattern = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
/** What stands for no number of JSON. */
export const infinityPattern = /^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/;
const datePattern = /^\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?$/;

/** A number as Go's strconv reads it with base 0; undefined when the text is none. */
export function resolveNumber(source: string): number | bigint | undefined {
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

/** An integer of any base; undefined when the text is none, or one that does not fit 64 bits. */
export function resolveInteger(plain: string): number | bigint | undefined {
  const match = integerPattern.exec(plain);
  if (match === null) return undefined;
  const [, sign = '', body = '0'] = match;
  const octal = /^0[0-7]+$/.test(body) ? `0o${body.slice(1)}` : body;
  const magnitude = BigInt(octal);
  const value = sign === '-' ? -magnitude : magnitude;
  if (value > maxUnsigned || value < minSigned) return undefined;
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}
