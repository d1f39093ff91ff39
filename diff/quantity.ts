import type { Json } from './json.ts';

const suffixes: Readonly<Record<string, readonly [base: bigint, power: bigint]>> = {
  n: [10n, -9n],
  u: [10n, -6n],
  m: [10n, -3n],
  '': [10n, 0n],
  k: [10n, 3n],
  M: [10n, 6n],
  G: [10n, 9n],
  T: [10n, 12n],
  P: [10n, 15n],
  E: [10n, 18n],
  Ki: [2n, 10n],
  Mi: [2n, 20n],
  Gi: [2n, 30n],
  Ti: [2n, 40n],
  Pi: [2n, 50n],
  Ei: [2n, 60n],
};

const pattern = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+)|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$/;

/** All quantities as whole numbers of the smallest unit that any of them has. */
const scale = 30n;

/** The value of a quantity such as `500m`, `0.5` or `1Gi`, in a unit that is the same for all; undefined for what is none. */
function amountOf(value: Json): bigint | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = pattern.exec(String(value)) ?? [];
  if (sign === undefined || whole + fraction === '') return undefined;
  const [base, power] = exponent === undefined ? (suffixes[suffix] ?? [10n, 0n]) : ([10n, BigInt(exponent)] as const);
  if (power > 60n || power < -18n || fraction.length > 12) return undefined;
  const digits = BigInt(`${sign}${whole}${fraction}`);
  const decimal = digits * 10n ** (scale - BigInt(fraction.length));
  if (power >= 0n) return decimal * base ** power;
  return decimal / base ** -power;
}

/** Whether two quantities are the same amount. Source of the rule: k8s.io/apimachinery, api/resource. */
export function isSameQuantity(a: Json, b: Json): boolean {
  const [left, right] = [amountOf(a), amountOf(b)];
  return left !== undefined && left === right;
}

const holders = new Set([
  'limits',
  'requests',
  'hard',
  'capacity',
  'default',
  'defaultRequest',
  'max',
  'min',
  'overhead',
]);

/** Whether a place in an object of Kubernetes itself holds a quantity: by what its parents are called. */
export function holdsQuantity(path: readonly string[]): boolean {
  const [last = '', above = ''] = [path.at(-1), path.at(-2)];
  return last === 'sizeLimit' || last === 'divisor' || holders.has(above);
}
