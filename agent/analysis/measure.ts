import { parseJson } from '../../diff/json.ts';
import {
  type Check,
  conditionsOf,
  type Measurement,
  type Metric,
  type Values,
  weighed,
} from '../../health/analysis.ts';
import type { Delivery } from '../../sync/delivery/delivery.ts';
import { identityOf, type Target, targetOf } from '../../sync/delivery/target.ts';
import { LockstepError, messageOf } from '../../sync/errors.ts';
import { isAnalysisAllowed, type Limits } from '../../sync/limits.ts';
import type { Cluster, Measure, Measuring } from '../../sync/ports.ts';
import type { Credentials } from '../../sync/source/login.ts';
import type { RuleJudge } from '../rules/judge.ts';
import { type Answered, type Asker, whyNot } from './ask.ts';
import { runJob } from './job.ts';
import { queryUrl, samplesIn } from './prometheus.ts';

/** What measuring needs. */
export interface MeasureDeps {
  readonly asker: Asker;
  readonly answer: RuleJudge['answer'];
  /** What a Delivery may do, beyond what its account may. */
  limits(delivery: Delivery): Limits;
  readonly agentNamespace: string;
  cluster(target: Target): Cluster;
  credentials(identity: string, namespace: string, name: string): Promise<Credentials>;
}

type Http = Exclude<Check, { by: 'job' }>;

/** Makes measurements by Prometheus, over the web and by Jobs. */
export function createMeasure(deps: MeasureDeps): Measure {
  async function ask({ delivery }: Measuring, check: Http, signal: AbortSignal): Promise<Answered> {
    const url = check.by === 'prometheus' ? check.address : check.url;
    const limits = deps.limits(delivery);
    if (!isAnalysisAllowed(url, limits))
      throw new LockstepError(
        'NotAllowed',
        `${url} is not allowed to measure Deliveries of the namespace ${delivery.namespace} by`,
      );
    const { secretName, timeout } = check;
    const login =
      secretName === undefined
        ? undefined
        : await deps.credentials(identityOf(delivery), delivery.namespace, secretName);
    const authorization = login?.authorization === undefined ? {} : { authorization: login.authorization };
    const question = check.by === 'prometheus' ? prometheusQuestion(check) : check;
    const headers = { ...question.headers, ...authorization };
    try {
      return await deps.asker.ask({ ...question, headers, timeout, mayBeOwn: limits.analysis !== undefined }, signal);
    } catch (error) {
      throw new Error(`${new URL(url).host} ${whyNot(error)}`, { cause: error });
    }
  }

  async function weigh({ delivery, metric }: Measuring, values: Values): Promise<Measurement> {
    const conditions = conditionsOf(metric);
    if (Object.keys(conditions.texts).length === 0) return weighed(metric, {}, values);
    const outcome = await deps.answer(delivery.uid, conditions, values.values);
    if ('problem' in outcome) return { outcome: 'Error', message: `its conditions: ${outcome.problem}` };
    return weighed(metric, outcome.answers, values);
  }

  async function make(asked: Measuring, signal: AbortSignal): Promise<Measurement> {
    const { check } = asked.metric;
    const { delivery } = asked;
    if (check.by === 'job') {
      const limits = deps.limits(delivery);
      return runJob(deps.cluster(targetOf(delivery)), limits, asked, check.spec, deps.agentNamespace, signal);
    }
    const answered = await ask(asked, check, signal);
    if (check.by === 'web') return weighWeb(asked, answered);
    const samples = samplesIn(answered);
    return samples === undefined ? { outcome: 'NoData', message: 'no data' } : weigh(asked, samples);
  }

  /** Without conditions, the code of the answer is what counts. */
  async function weighWeb(asked: Measuring, answered: Answered): Promise<Measurement> {
    const told = `status ${answered.status}`;
    if (!hasConditions(asked.metric)) {
      const isFine = answered.status >= 200 && answered.status < 300;
      return { outcome: isFine ? 'Successful' : 'Failed', message: told };
    }
    const { status } = answered;
    return weigh(asked, { values: { status, result: bodyOf(answered) }, told });
  }

  return (asked, signal) =>
    make(asked, signal).catch((error: unknown) => ({ outcome: 'Error' as const, message: messageOf(error) }));
}

function hasConditions({ successCondition, failureCondition }: Metric): boolean {
  return successCondition !== undefined || failureCondition !== undefined;
}

function prometheusQuestion({ address, query }: Extract<Check, { by: 'prometheus' }>) {
  const body = new URLSearchParams({ query }).toString();
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
  return { url: queryUrl(address), method: 'POST' as const, headers, body };
}

function bodyOf({ text }: Answered) {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
