import {
  type Measurement,
  type Metric,
  measuredIn,
  metricText,
  newRun,
  type Phase,
  phaseOf,
  type Run,
} from '../../health/analysis.ts';
import { nameOf } from '../delivery/delivery.ts';
import { lookAgainAt, type Session, type Turn } from '../session.ts';
import { runningSequence } from './record.ts';
import type { Event } from './standing.ts';

/** What can't be measured is tried again after this time, in milliseconds, while a release is paused for it. */
const pausedAgain = 10_000;

/** What the analysis of a release has come to: all was well, it goes on, or what it leads to. */
type Analysis = 'passed' | 'running' | Event;

const reasons: Partial<Record<Phase, string>> = {
  Failed: 'AnalysisFailed',
  Inconclusive: 'AnalysisInconclusive',
  Error: 'AnalysisError',
};
/** The phase of a metric that counts for all of them, if there is one. */
const worstFirst = ['Failed', 'Inconclusive', 'Error'] as const;

/**
 * Measures a release: begins what is due, takes note of what came back, and says how all metrics stand together. The worst one
 * counts. That something can't be measured says nothing of the release: it pauses.
 * @param isWell whether everything is healthy: until it was once, nothing is measured
 * @param isOver whether the time that the release is watched has passed
 */
export function analyse(turn: Turn, { isWell, isOver }: { isWell: boolean; isOver: boolean }): Analysis {
  const { analysis } = turn.delivery;
  noteMeasured(turn);
  const stands = analysis.map((metric) => standOf(turn, metric, isOver));
  for (const phase of worstFirst) {
    const worst = stands.find((one) => one.phase === phase);
    const reason = reasons[phase];
    if (worst === undefined || reason === undefined) continue;
    const cause = { reason, message: metricText(worst.metric, worst.run) };
    return { type: phase === 'Failed' ? 'failed' : 'inconclusive', cause };
  }
  const open = stands.filter(({ phase }) => phase === 'Running');
  for (const { metric, run } of open) {
    if (isWell || hasBegun(turn.session, metric)) measureWhenDue(turn, metric, run, metric.interval);
    turn.session.waiting.push(metricText(metric, run));
  }
  return open.length === 0 ? 'passed' : 'running';
}

/** Whether what could not be measured can be again. It is tried now and then meanwhile. */
export function isMeasurable(turn: Turn): boolean {
  noteMeasured(turn);
  const broken = turn.delivery.analysis.map((metric) => standOf(turn, metric, false)).filter(isBroken);
  for (const { metric, run } of broken) measureWhenDue(turn, metric, run, Math.max(metric.interval, pausedAgain));
  return broken.length === 0;
}

/** Nobody waits for what is being measured any more. */
export function stopMeasuring({ measuring, measured }: Session): void {
  for (const { abort } of measuring.values()) abort?.abort();
  measuring.clear();
  measured.length = 0;
}

interface Stand {
  readonly metric: Metric;
  readonly run: Run;
  readonly phase: Phase;
}

const isBroken = ({ phase }: Stand): boolean => phase === 'Error';

function standOf({ session: { record } }: Turn, metric: Metric, isOver: boolean): Stand {
  const run = record.analysis[metric.name] ?? newRun;
  const phase = phaseOf(run, metric, isOver);
  // What a person let pass neither fails the release nor holds it up.
  const isWaived = reasons[phase] !== undefined && reasons[phase] === record.standing.target?.accepted?.check;
  return { metric, run, phase: isWaived ? 'Successful' : phase };
}

function hasBegun({ record, measuring }: Session, { name }: Metric): boolean {
  return record.analysis[name] !== undefined || measuring.has(name);
}

function measureWhenDue(turn: Turn, metric: Metric, run: Run, interval: number): void {
  const { session, world } = turn;
  const now = world.clock.steady();
  const { dueAt, abort } = session.measuring.get(metric.name) ?? {
    dueAt: now + waitOf(turn, metric, run, interval),
    abort: undefined,
  };
  if (abort !== undefined) return;
  if (now >= dueAt) measure(turn, metric, run, now + interval);
  else {
    session.measuring.set(metric.name, { dueAt, abort });
    lookAgainAt(session, dueAt);
  }
}

/** How long until a metric is due that was not measured by this agent: a restart neither hurries it nor begins it anew. */
function waitOf({ session, world }: Turn, { initialDelay }: Metric, { last }: Run, interval: number): number {
  const [newest] = last;
  if (newest !== undefined) return Math.min(interval, Math.max(0, newest.at + interval - world.clock.now()));
  const now = world.clock.steady();
  return Math.max(0, (session.record.clocks.well ?? now) + initialDelay - now);
}

/** Nobody waits for it: it brings a turn of its own when it has come to something. */
function measure({ delivery, session, world }: Turn, metric: Metric, run: Run, dueAt: number): void {
  const { Error: _errors, ...counts } = run.counts;
  const index = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const abort = new AbortController();
  const release = runningSequence(session.record);
  const asked = { delivery, metric, release, index };
  session.measuring.set(metric.name, { dueAt, abort });
  void world.measure(asked, abort.signal).then((measurement) => {
    if (abort.signal.aborted) return;
    session.measuring.set(metric.name, { dueAt, abort: undefined });
    session.measured.push({ metric: metric.name, measurement });
    world.wake();
  });
}

function noteMeasured(turn: Turn): void {
  for (const { metric, measurement } of turn.session.measured.splice(0)) note(turn, metric, measurement);
}

function note({ delivery, session, world }: Turn, name: string, measurement: Measurement): void {
  const { analysis } = session.record;
  const run = measuredIn(analysis[name] ?? newRun, measurement, world.clock.now());
  session.record = { ...session.record, analysis: { ...analysis, [name]: run } };
  session.unsaved = true;
  world.log.info({ delivery: nameOf(delivery), metric: name, ...measurement }, 'measured');
}
