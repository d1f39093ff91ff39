import { isObject, type JsonObject, parseJson, toJson } from '../../diff/json.ts';
import type { Check, Metric } from '../../health/analysis.ts';
import { LockstepError } from '../errors.ts';
import type { MetricSpec } from './analysis-schema.ts';
import { parseDuration } from './duration.ts';

/** Measurements are no closer together than this, in milliseconds, and those that failed are made again after as much. */
const shortest = 1_000;

/**
 * The metrics of a Delivery.
 * @param bake how long a release is watched, in milliseconds
 * @throws LockstepError InvalidSpec
 */
export function readMetrics(specs: readonly MetricSpec[], bake: number): Metric[] {
  const names = new Set<string>();
  return specs.map((spec, index) => {
    const where = `spec.health.analysis[${index}]`;
    const problem = names.has(spec.name) ? `the name ${spec.name} is there twice` : problemOf(spec, bake);
    if (problem !== undefined) throw new LockstepError('InvalidSpec', `${where}: ${problem}`);
    names.add(spec.name);
    return readMetric(spec, checkOf(spec, where));
  });
}

function readMetric(spec: MetricSpec, check: Check): Metric {
  const { interval, failureLimit = 0, inconclusiveLimit = 0, consecutiveErrorLimit = 4 } = spec;
  return {
    name: spec.name,
    check,
    successCondition: spec.successCondition,
    failureCondition: spec.failureCondition,
    initialDelay: parseDuration(spec.initialDelay ?? '0s'),
    interval: Math.max(shortest, interval === undefined ? 10_000 : parseDuration(interval)),
    count: spec.count ?? (interval === undefined ? 1 : undefined),
    failureLimit,
    inconclusiveLimit,
    consecutiveErrorLimit,
    noData: spec.noData ?? 'Inconclusive',
  };
}

function problemOf(spec: MetricSpec, bake: number): string | undefined {
  const { prometheus, web, job, interval, count, successCondition, failureCondition } = spec;
  const checks = [prometheus, web, job].filter((one) => one !== undefined);
  const hasCondition = successCondition !== undefined || failureCondition !== undefined;
  if (checks.length !== 1) return 'it needs one of prometheus, web and job';
  if (prometheus !== undefined && !hasCondition) return 'it needs a successCondition or a failureCondition';
  if (job !== undefined && hasCondition) return 'a Job succeeds or fails by itself: it has no conditions';
  if (interval === undefined && (count ?? 1) > 1) return 'more than one measurement needs an interval';
  if (interval !== undefined && count === undefined && bake === 0)
    return 'an interval needs a count, or spec.health.bake to end it';
  return undefined;
}

function checkOf({ prometheus, web, job }: MetricSpec, where: string): Check {
  if (prometheus !== undefined) {
    const { address, query, secretRef, timeout = '10s' } = prometheus;
    requireUrl(address, `${where}.prometheus.address`);
    return { by: 'prometheus', address, query, secretName: secretRef?.name, timeout: parseDuration(timeout) };
  }
  if (web !== undefined) return webCheck(web, `${where}.web`);
  return {
    by: 'job',
    spec: plain(job?.spec),
    timeout: parseDuration(job?.timeout ?? '5m'),
  };
}

function webCheck(
  { url, method = 'GET', headers = [], body, secretRef, timeout = '10s' }: NonNullable<MetricSpec['web']>,
  where: string,
): Check {
  requireUrl(url, `${where}.url`);
  const secret = headers.find(({ name }) => /^(authorization|cookie|proxy-authorization)$/i.test(name));
  if (headers.some(({ name }) => /^host$/i.test(name)))
    throw new LockstepError('InvalidSpec', `${where}.headers: the host is that of ${where}.url`);
  if (secret !== undefined)
    throw new LockstepError('InvalidSpec', `${where}.headers: ${secret.name} belongs into ${where}.secretRef`);
  const named = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
  return {
    by: 'web',
    url,
    method,
    headers: named,
    body,
    secretName: secretRef?.name,
    timeout: parseDuration(timeout),
  };
}

function requireUrl(text: string, where: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new LockstepError('InvalidSpec', `${where} is no http or https URL: ${JSON.stringify(text)}`);
  if (url.username !== '' || url.password !== '')
    throw new LockstepError('InvalidSpec', `${where} must not hold a user or password; use secretRef`);
}

function plain(spec: object | undefined): JsonObject {
  const value = parseJson(toJson(spec ?? {}));
  return isObject(value) ? value : {};
}
