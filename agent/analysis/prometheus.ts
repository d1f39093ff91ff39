import { at, isObject, type Json, objectsAt, parseJson, textAt } from '../../diff/json.ts';
import type { Values } from '../../health/analysis.ts';
import type { Answered } from './ask.ts';

/** The URL of an instant query (prometheus.io/docs, HTTP API). The address may have a path of its own. */
export function queryUrl(address: string): string {
  return `${address.replace(/\/+$/, '')}/api/v1/query`;
}

const shownSamples = 5;

/**
 * What a Prometheus answered: its samples as numbers, without those that are none, as 0 divided by 0 is.
 * @returns undefined when none is left: that is no data
 * @throws Error that says what is wrong with the answer
 */
export function samplesIn({ status, text }: Answered): Values | undefined {
  const answer = jsonIn(text);
  if (textAt(answer, 'status') !== 'success') {
    const why = textAt(answer, 'error') ?? `the server answered ${status}`;
    throw new Error(why.slice(0, 500));
  }
  const samples = valuesOf(answer)
    .map(numberIn)
    .filter((sample) => !Number.isNaN(sample));
  if (samples.length === 0) return undefined;
  const shown = samples.slice(0, shownSamples).map((sample) => String(Number(sample.toPrecision(6))));
  const more = samples.length > shownSamples ? `, … (${samples.length})` : '';
  const value = samples.length === 1 ? { value: samples[0] ?? 0 } : {};
  return { values: { result: samples, ...value }, told: `${shown.join(', ')}${more}` };
}

/** Numbers are written as texts, and infinity as `+Inf`. */
function numberIn(text: Json): number {
  return Number(String(text).replace('Inf', 'Infinity'));
}

function valuesOf(answer: Json | undefined): Json[] {
  const type = textAt(answer, 'data', 'resultType');
  const result = at(answer, 'data', 'result');
  if (type === 'scalar' && Array.isArray(result)) return [result[1] ?? null];
  if (type !== 'vector') {
    const told = type === 'matrix' || type === 'string' ? `a ${type}` : 'something else';
    throw new Error(`the query answers ${told}, and a vector or scalar is needed`);
  }
  return objectsAt(answer, 'data', 'result').map((sample) => {
    const { value } = sample;
    return Array.isArray(value) ? (value[1] ?? null) : null;
  });
}

function jsonIn(text: string): Json | undefined {
  try {
    const value = parseJson(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
