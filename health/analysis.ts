import type { JsonObject } from '../diff/json.ts';
import type { Answer, Expressions } from './evaluate.ts';

/** What conditions of a metric may name: the samples or the body, the one number in them, and the status of an answer. */
const variables = ['result', 'value', 'status'] as const;

/** Where a metric is read. Times in milliseconds. */
export type Check =
  | {
      readonly by: 'prometheus';
      readonly address: string;
      readonly query: string;
      readonly secretName: string | undefined;
      readonly timeout: number;
    }
  | {
      readonly by: 'web';
      readonly url: string;
      readonly method: 'GET' | 'POST' | 'HEAD';
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string | undefined;
      readonly secretName: string | undefined;
      readonly timeout: number;
    }
  | { readonly by: 'job'; readonly spec: JsonObject; readonly timeout: number };

/** One metric of a release, as a Delivery asks for it. Times in milliseconds. */
export interface Metric {
  readonly name: string;
  readonly check: Check;
  readonly successCondition: string | undefined;
  readonly failureCondition: string | undefined;
  readonly initialDelay: number;
  readonly interval: number;
  /** How many measurements there are in all; undefined for as many as fit into the time that the release is watched. */
  readonly count: number | undefined;
  /** One more than this many, and the metric has ended so. */
  readonly failureLimit: number;
  readonly inconclusiveLimit: number;
  /** One more than this many in a row. */
  readonly consecutiveErrorLimit: number;
  /** What a measurement counts as that finds nothing. */
  readonly noData: 'Successful' | 'Failed' | 'Inconclusive';
}

/** What one measurement came to. An error says nothing of the release, and no data is no failure. */
const outcomes = ['Successful', 'Failed', 'Inconclusive', 'NoData', 'Error'] as const;
type Outcome = (typeof outcomes)[number];

/** One measurement. */
export interface Measurement {
  readonly outcome: Outcome;
  /** What was measured, or why that could not be done, in one line. */
  readonly message: string;
}

/** What has come of a metric so far: all that must survive a restart. */
export interface Run {
  readonly counts: Readonly<Record<Outcome, number>>;
  readonly errorsInARow: number;
  /** The last measurements, newest first, with the wall time of each in milliseconds. */
  readonly last: readonly (Measurement & { readonly at: number })[];
}

const mostKept = 10;
/** The most characters of a message: all are kept with the record. */
const longest = 500;

export const newRun: Run = {
  counts: { Successful: 0, Failed: 0, Inconclusive: 0, NoData: 0, Error: 0 },
  errorsInARow: 0,
  last: [],
};

/** The run after one more measurement. */
export function measuredIn(run: Run, measurement: Measurement, at: number): Run {
  const { outcome, message } = measurement;
  return {
    counts: { ...run.counts, [outcome]: run.counts[outcome] + 1 },
    errorsInARow: outcome === 'Error' ? run.errorsInARow + 1 : 0,
    last: [{ outcome, message: message.slice(0, longest), at }, ...run.last].slice(0, mostKept),
  };
}

/** A run that goes on after a pause: what said nothing of the release is forgotten, and what counts as a failure is not. */
export function goingOn(run: Run, noData: Metric['noData'] = 'Inconclusive'): Run {
  const NoData = noData === 'Failed' ? run.counts.NoData : 0;
  return { ...run, counts: { ...run.counts, Inconclusive: 0, NoData, Error: 0 }, errorsInARow: 0 };
}

/** How a metric stands. `Error` is that it can't be measured, which says nothing of the release. */
export type Phase = 'Running' | 'Successful' | 'Failed' | 'Inconclusive' | 'Error';

/** How many measurements count as something, those that found nothing among them. */
function counted({ counts }: Run, { noData }: Metric, as: 'Successful' | 'Failed' | 'Inconclusive'): number {
  return counts[as] + (noData === as ? counts.NoData : 0);
}

/** @param isOver whether the time that the release is watched has passed, for a metric without a count */
export function phaseOf(run: Run, metric: Metric, isOver: boolean): Phase {
  if (counted(run, metric, 'Failed') > metric.failureLimit) return 'Failed';
  if (counted(run, metric, 'Inconclusive') > metric.inconclusiveLimit) return 'Inconclusive';
  if (run.errorsInARow > metric.consecutiveErrorLimit) return 'Error';
  const { Successful, Failed, Inconclusive, NoData } = run.counts;
  const measured = Successful + Failed + Inconclusive + NoData;
  const isDone = metric.count === undefined ? isOver && measured > 0 : measured >= metric.count;
  return isDone ? 'Successful' : 'Running';
}

/** What is told of a metric: the last measurement, and how many there were. */
export function metricText({ name, count }: Metric, { counts, last }: Run): string {
  const said = outcomes.filter((one) => counts[one] > 0).map((one) => `${counts[one]} ${words[one]}`);
  const all = count === undefined ? '' : ` of ${count}`;
  const tally = said.length === 0 ? 'not measured yet' : `${said.join(', ')}${all}`;
  const [newest] = last;
  return `analysis ${name}: ${newest === undefined ? '' : `${newest.message}; `}${tally}`;
}

const words: Readonly<Record<Outcome, string>> = {
  Successful: 'successful',
  Failed: 'failed',
  Inconclusive: 'inconclusive',
  NoData: 'without data',
  Error: 'could not be made',
};

/** The conditions of a metric. */
export function conditionsOf({ successCondition, failureCondition }: Metric): Expressions {
  const texts = {
    ...(successCondition === undefined ? {} : { successCondition }),
    ...(failureCondition === undefined ? {} : { failureCondition }),
  };
  return { texts, variables, doubles: ['result', 'value'], areSecret: true };
}

/** Values that conditions are weighed for, and how they are told: never a text of the answer, which may be a secret. */
export interface Values {
  readonly values: JsonObject;
  readonly told: string;
}

/**
 * What a measurement comes to by its conditions. Without a failure condition all that is not a success is a failure, and the
 * other way round; with both, what is neither is inconclusive.
 */
export function weighed(metric: Metric, answers: Readonly<Record<string, Answer>>, { told }: Values): Measurement {
  const { successCondition, failureCondition } = metric;
  const problem = Object.entries(answers).flatMap(([name, answer]) => problemOf(name, answer));
  if (problem[0] !== undefined) return { outcome: 'Error', message: `${told}: ${problem[0]}` };
  if (isTrue(answers['failureCondition'])) return { outcome: 'Failed', message: `${told}: ${failureCondition}` };
  if (isTrue(answers['successCondition']) || successCondition === undefined)
    return { outcome: 'Successful', message: told };
  if (failureCondition === undefined) return { outcome: 'Failed', message: `${told}: not ${successCondition}` };
  return { outcome: 'Inconclusive', message: `${told}: neither ${successCondition} nor ${failureCondition}` };
}

function isTrue(answer: Answer | undefined): boolean {
  return answer !== undefined && 'value' in answer && answer.value === true;
}

function problemOf(name: string, answer: Answer): string[] {
  if ('problem' in answer) return [`${name} ${answer.problem}`];
  return typeof answer.value === 'boolean' ? [] : [`${name} comes to no true or false`];
}
