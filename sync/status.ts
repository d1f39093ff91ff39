import { canonicalJson } from '../diff/json.ts';
import { metricText } from '../health/analysis.ts';
import { worst } from '../health/scale.ts';
import type { Delivery } from './delivery/delivery.ts';
import type { DeliveryCondition, DeliveryStatus } from './delivery/status-schema.ts';
import { cut } from './errors.ts';
import { shownWave } from './hooks/phases.ts';
import { type Ended, type Entry, type ReleaseRecord, wavesOf } from './release/record.ts';
import type { Session, Trouble } from './session.ts';
import { holdOf, type Summary, summarize } from './summary.ts';
import { type Health, type HealthWord, healthWords } from './types.ts';

const shownObjects = 10;
const shownHistory = 10;
const shownLines = 20;
const longestMessage = 8_000;

/**
 * The status of a Delivery as it is now. Times of conditions are kept while their status stays.
 * @param live the health of an object, as far as it is known
 */
export function statusOf(
  delivery: Delivery,
  session: Session,
  live: (key: string) => Health | undefined,
  now: number,
  before: DeliveryStatus,
): DeliveryStatus {
  const { record } = session;
  const { target } = record.standing;
  const { counts, unwell } = countHealth(record, live);
  const words = healthWords.filter((one) => counts[one] !== undefined);
  const word = words.length === 0 ? 'Unknown' : worst(words);
  const summary = summarize(delivery, session);
  const hold = holdOf(session);
  // What is remembered in memory alone is acknowledged only once it is done: a restart would lose it.
  const isOpen = session.healAsked || (session.syncAsked !== undefined && session.syncAsked.input === undefined);
  const isSyncing = isOpen && session.handled?.startsWith('sync@') === true;
  const acknowledged = (isSyncing ? undefined : (session.handled ?? record.lastRequest)) ?? before.lastRequest;
  const isTold = session.handled === undefined && acknowledged === before.lastRequest;
  const refusal = isTold ? before.requestRefused : session.refusal;
  return {
    observedGeneration: delivery.generation,
    conditions: conditionsOf(delivery.generation, summary, word, now, before),
    state: summary.state,
    revision: revisionsOf(session),
    sequence: record.sequence,
    ...waveOf(session),
    ...(hold === undefined ? {} : { hold }),
    ...analysisOf(delivery, record),
    ...(record.leftBehind.length === 0 ? {} : { leftBehind: record.leftBehind.slice(0, shownLines) }),
    ...(record.planHash === undefined ? {} : { plan: record.planHash }),
    ...unlessEmpty('actions', { ...record.actions }),
    ...unlessEmpty('health', counts),
    worst: worstObjects(unwell),
    history: record.history.slice(0, shownHistory).map(shownEnd),
    ...(target === undefined ? {} : { lastSync: new Date(target.startedAt).toISOString() }),
    ...(acknowledged === undefined ? {} : { lastRequest: cut(acknowledged, 2000) }),
    ...(refusal === undefined ? {} : { requestRefused: cut(refusal, 1000) }),
  };
}

/** Whether all that a status has to tell is that what is live, and well, has another commit's name now. */
export function isRenamed(before: DeliveryStatus, now: DeliveryStatus): boolean {
  const isOther = before.revision?.target !== now.revision?.target;
  return isOther && now.state === 'Synced' && withoutNames(before) === withoutNames(now);
}

function withoutNames({ revision: _revision, conditions = [], ...rest }: DeliveryStatus): string {
  const plain = conditions.map(({ message: _message, ...condition }) => condition);
  return canonicalJson(JSON.parse(JSON.stringify({ ...rest, conditions: plain })));
}

/** The metrics that were measured. */
function analysisOf({ analysis }: Delivery, record: ReleaseRecord): Pick<DeliveryStatus, 'analysis'> {
  const told = analysis.flatMap((metric) => {
    const run = record.analysis[metric.name];
    return run === undefined ? [] : [{ name: metric.name, message: cut(metricText(metric, run), 1000) }];
  });
  return told.length === 0 ? {} : { analysis: told };
}

/** A line of history as the status has it; the record knows more. */
function shownEnd({ sequence, revision, author, subject, verdict, time, cause }: Ended) {
  return {
    sequence,
    revision,
    author,
    subject,
    verdict,
    time,
    ...(cause === undefined ? {} : { cause: cut(cause, 1000) }),
  };
}

/** A map that becomes empty must be left out: server-side apply would make a null of it, which its schema refuses. */
function unlessEmpty<K extends string>(
  name: K,
  counts: Record<string, number>,
): { [key in K]?: Record<string, number> } {
  const named: { [key in K]?: Record<string, number> } = {};
  if (Object.keys(counts).length > 0) named[name] = counts;
  return named;
}

/** The status of a Delivery that can't be read at all. */
export function refusedStatus(
  generation: number,
  trouble: Trouble,
  now: number,
  before: DeliveryStatus,
): DeliveryStatus {
  const summary: Summary = {
    state: 'Blocked',
    ready: 'False',
    reason: trouble.reason,
    message: trouble.message,
    reconciling: false,
    stalled: true,
  };
  return {
    ...before,
    observedGeneration: generation,
    state: 'Blocked',
    conditions: conditionsOf(generation, summary, 'Unknown', now, before),
  };
}

const unseen: Health = { status: 'Unknown', reason: 'NotSeen', message: 'not seen yet' };

function conditionsOf(
  generation: number,
  summary: Summary,
  word: HealthWord,
  now: number,
  before: DeliveryStatus,
): DeliveryCondition[] {
  const flag = (value: boolean): 'True' | 'False' => (value ? 'True' : 'False');
  const { reason } = summary;
  const message = cut(summary.message, longestMessage);
  const held = summary.state === 'Held';
  const wanted: Omit<DeliveryCondition, 'lastTransitionTime'>[] = [
    { type: 'Ready', status: summary.ready, reason, message },
    {
      type: 'Reconciling',
      status: flag(summary.reconciling),
      reason: summary.reconciling ? reason : 'Idle',
      message: summary.reconciling ? message : '',
    },
    {
      type: 'Stalled',
      status: flag(summary.stalled),
      reason: summary.stalled ? reason : 'NotStalled',
      message: summary.stalled ? message : '',
    },
    { type: 'Healthy', status: word === 'Unknown' ? 'Unknown' : flag(word === 'Healthy'), reason: word, message: '' },
    { type: 'Held', status: flag(held), reason: held ? reason : 'NotHeld', message: held ? message : '' },
  ];
  return wanted.map((condition) => ({
    ...condition,
    observedGeneration: generation,
    lastTransitionTime: transition(condition, before, now),
  }));
}

function transition(condition: { type: string; status: string }, before: DeliveryStatus, now: number): string {
  const old = before.conditions?.find((candidate) => candidate.type === condition.type);
  return old?.status === condition.status
    ? old.lastTransitionTime
    : new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
}

function revisionsOf(session: Session): NonNullable<DeliveryStatus['revision']> {
  const { target, good } = session.record.standing;
  const tip = session.tip ?? target?.revision;
  return {
    ...(tip === undefined ? {} : { tip }),
    ...(session.tipRef === undefined ? {} : { ref: session.tipRef }),
    ...(session.tipSigner === undefined ? {} : { signer: cut(session.tipSigner, 300) }),
    ...(target === undefined ? {} : { target: target.revision, author: target.author, subject: target.subject }),
    ...(good === undefined ? {} : { good: good.revision }),
  };
}

/** The wave that is under way; the last one when all are done. */
function waveOf(session: Session): Pick<DeliveryStatus, 'wave'> {
  const { entries, standing } = session.record;
  const waves = wavesOf(entries);
  if (waves.length === 0) return {};
  const isRunning = standing.bad === undefined && standing.target?.sequence !== standing.good?.sequence;
  const gate = (isRunning ? waves[standing.wave] : undefined) ?? waves.at(-1) ?? 0;
  const { wave: number, ...phase } = shownWave(gate);
  return { wave: { index: waves.indexOf(gate) + 1, count: waves.length, number, ...phase } };
}

interface Seen {
  readonly entry: Entry;
  readonly health: Health;
}

/** How many objects are how, and which are not well. It is asked in every turn, of all objects. */
function countHealth(
  { entries }: ReleaseRecord,
  live: (key: string) => Health | undefined,
): { counts: Partial<Record<HealthWord, number>>; unwell: Seen[] } {
  const counts: Partial<Record<HealthWord, number>> = {};
  const unwell: Seen[] = [];
  for (const entry of entries.values()) {
    // A hook that is done is no part of the app.
    const isDone = entry.hook !== undefined && entry.applied?.spent !== undefined;
    if (entry.applied === undefined || entry.removed || isDone) continue;
    const health = live(entry.key) ?? unseen;
    counts[health.status] = (counts[health.status] ?? 0) + 1;
    if (health.status !== 'Healthy') unwell.push({ entry, health });
  }
  return { counts, unwell };
}

function worstObjects(unwell: readonly Seen[]): NonNullable<DeliveryStatus['worst']> {
  return [...unwell]
    .sort((a, b) => healthWords.indexOf(b.health.status) - healthWords.indexOf(a.health.status))
    .slice(0, shownObjects)
    .map(({ entry, health }) => ({
      kind: entry.ref.kind,
      ...(entry.ref.namespace === undefined ? {} : { namespace: entry.ref.namespace }),
      name: entry.ref.name,
      health: health.status,
      reason: health.reason,
      message: cut(health.message, 1000),
    }));
}
