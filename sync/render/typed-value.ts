import type { Json } from '../../diff/json.ts';

const most = 2n ** 63n - 1n;

/**
 * What a text means as a value of a chart, by the rules of `helm install --set`: the words true, false and null however
 * they are spelled, and whole numbers of 64 bits that do not begin with a zero; whatever else stays a text.
 * @returns a bigint for numbers that a number does not hold exactly
 */
export function typedValue(text: string): Json {
  const word = text.toLowerCase();
  if (word === 'true' || word === 'false') return word === 'true';
  if (word === 'null') return null;
  return text === '0' || /^(?!0)[+-]?0*\d{1,19}$/.test(text) ? (wholeNumber(text) ?? text) : text;
}

function wholeNumber(text: string): Json | undefined {
  const exact = BigInt(text.replace('+', ''));
  if (exact > most || exact < -most - 1n) return undefined;
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}
