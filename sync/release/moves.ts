import { goingOn, type Metric } from '../../health/analysis.ts';
import { rejected, told } from './history.ts';
import { keptOf, turnBack } from './inverse.ts';
import {
  type Entry,
  goodOf,
  irreversibleHook,
  isUnderWay,
  type Kept,
  type ReleaseRecord,
  shiftedBy,
  stoppedClocks,
} from './record.ts';
import type { Event, Release, Standing } from './standing.ts';
import type { Command, Outcome } from './state.ts';

/** What carrying out a command needs to know beside the record. Times in milliseconds. */
export interface Circumstances {
  /** Wall time, and the time that clocks are read by. */
  readonly now: number;
  readonly steady: number;
  /** The wait without progress, and the whole wait, that are too long. */
  readonly deadline: number;
  readonly cap: number;
  readonly probation: number;
  /** How many lines history keeps. */
  readonly history: number;
  /** What is begun, when something is. */
  readonly plan: Plan | undefined;
  /** What releases are measured by. */
  readonly metrics?: readonly Metric[];
}

function noDataOf({ metrics = [] }: Circumstances, name: string): Metric['noData'] | undefined {
  return metrics.find((metric) => metric.name === name)?.noData;
}

/** A plan that stands: what each object shall be, and how that is told. */
export interface Plan {
  readonly release: Release;
  readonly entries: Map<string, Entry>;
  readonly actions: Readonly<Record<string, number>>;
  readonly lines: readonly string[];
  readonly baseline: readonly string[];
  /** What the plan is known by. */
  readonly hash: string;
}

/** How many good releases keep their objects, so that a person can go back to them without Git. */
const mostGoods = 3;

/** The record after a move: each command is done in turn, then the standing is the new one. */
export function moved(
  record: ReleaseRecord,
  { standing, commands }: Outcome,
  event: Event,
  circumstances: Circumstances,
): ReleaseRecord {
  const done = commands.reduce(
    (so_far, command) => doing[command]?.({ record: so_far, after: standing, event, circumstances }) ?? so_far,
    record,
  );
  return { ...done, standing };
}

interface Doing {
  readonly record: ReleaseRecord;
  readonly after: Standing;
  readonly event: Event;
  readonly circumstances: Circumstances;
}

const doing: Partial<Record<Command, (doing: Doing) => ReleaseRecord>> = {
  begin,
  rename: ({ record, after }) => ({ ...record, goods: renamed(record, after) }),
  supersede,
  keep,
  turnBack: ({ record, after }) => {
    const [current] = record.goods;
    const good = goodOf(record, after.target?.sequence);
    return {
      ...record,
      entries: turnBack(record.entries, good?.objects ?? new Map(), current?.objects),
      analysis: {},
      leftBehind: [],
    };
  },
  alert: ({ record, after, circumstances }) =>
    after.state === 'Degraded' ? told(record, after.bad ?? after.target, 'Degraded', circumstances) : record,
  settle,
  reject: ({ record, after, event, circumstances }) =>
    event.type === 'rejected' ? rejected(record, after.tip, event.cause, circumstances) : record,
  arm: ({ record, circumstances: { steady, deadline, cap, probation } }) => ({
    ...record,
    clocks: { deadline: steady + deadline, cap: steady + cap, probation: steady + probation, frozen: undefined },
  }),
  // What was suspended while it was paused is paused since then.
  freeze: ({ record, circumstances: { steady } }) => ({
    ...record,
    clocks: { ...record.clocks, frozen: record.clocks.frozen ?? steady },
  }),
  thaw: ({ record, after, circumstances }) =>
    after.state === 'Paused' ? record : { ...record, clocks: shifted(record, circumstances.steady) },
  remeasure: ({ record, circumstances }) => ({
    ...record,
    analysis: Object.fromEntries(
      Object.entries(record.analysis).map(([name, run]) => [name, goingOn(run, noDataOf(circumstances, name))]),
    ),
  }),
};

function begin({ record, circumstances: { plan } }: Doing): ReleaseRecord {
  if (plan === undefined) return record;
  const { release, entries, actions, lines, baseline, hash } = plan;
  const crossed = isUnderWay(record) ? irreversibleHook(record) : undefined;
  // What was approved was this plan, once.
  const { crossed: _crossed, approved: _approved, ...known } = record;
  return {
    ...known,
    ...(crossed === undefined ? {} : { crossed }),
    sequence: release.sequence,
    entries,
    actions,
    plan: lines,
    planHash: hash,
    baseline,
    analysis: {},
    leftBehind: [],
  };
}

function renamed({ goods }: ReleaseRecord, { good }: Standing): ReleaseRecord['goods'] {
  return goods.map((one) =>
    good !== undefined && one.release.sequence === good.sequence ? { ...one, release: good } : one,
  );
}

/** A release that ran, or was being undone, makes room for a newer one. */
function supersede({ record, circumstances }: Doing): ReleaseRecord {
  if (!isUnderWay(record)) return record;
  const { bad, target, cause } = record.standing;
  // A rollback that failed has not come back, whatever comes next.
  const hasFailed = record.history.some(
    ({ sequence, verdict }) => sequence === bad?.sequence && verdict === 'Degraded',
  );
  if (hasFailed) return record;
  if (bad !== undefined) return told(record, bad, cause === undefined ? 'Superseded' : 'RolledBack', circumstances);
  return told(record, target, 'Superseded', circumstances);
}

/** What the release holds is good from now on. */
function keep({ record, after: { target }, circumstances }: Doing): ReleaseRecord {
  if (target === undefined) return record;
  const objects = new Map<string, Kept>();
  const entries = new Map<string, Entry>();
  const before = (goodOf(record, target.sequence) ?? record.goods[0])?.objects;
  for (const entry of record.entries.values()) {
    const kept = entry.removed ? undefined : keptOf(entry, before?.get(entry.key));
    if (kept !== undefined) objects.set(entry.key, kept);
    // What a superseded release took over, and this one does not want, is left as it is.
    if (!entry.removed || entry.origin !== 'adopted') entries.set(entry.key, atRest(entry));
  }
  const others = record.goods.filter(({ release }) => release.sequence !== target.sequence);
  const goods = [{ release: target, objects }, ...others].slice(0, mostGoods);
  const { crossed: _crossed, ...known } = record;
  return { ...told({ ...known, entries }, target, 'Good', circumstances), goods, clocks: stoppedClocks, baseline: [] };
}

const passing = ['found', 'taken', 'origin', 'isLeaving', 'touched', 'doubted', 'attempted', 'inexact'] as const;

/** What was only of interest while good was not verified is forgotten. What has nothing of it stays the same object. */
function atRest(whole: Entry): Entry {
  const isAtRest = passing.every((name) => whole[name] === undefined) && whole.applied?.answer === undefined;
  if (isAtRest) return whole;
  const {
    found: _found,
    taken: _taken,
    origin: _origin,
    isLeaving: _leaving,
    touched: _touched,
    doubted: _doubted,
    attempted: _attempted,
    inexact: _inexact,
    ...entry
  } = whole;
  if (entry.applied === undefined) return entry;
  const { answer: _answer, ...applied } = entry.applied;
  return { ...entry, applied };
}

/** The rollback is done: what is left of the bad release is nobody's any more, and listed. */
function settle({ record, after, circumstances }: Doing): ReleaseRecord {
  const { bad, cause } = record.standing;
  const verdict = cause === undefined ? 'Superseded' : 'RolledBack';
  const history = bad === undefined ? record : told(record, bad, verdict, circumstances);
  const entries = new Map([...record.entries].filter(([, { removed, origin }]) => !removed || origin === undefined));
  const undone = { ...history, entries };
  // The verdict on the release that came back was given long ago.
  return { ...keep({ record: undone, after, event: { type: 'cleaned' }, circumstances }), history: undone.history };
}

function shifted({ clocks }: ReleaseRecord, now: number): ReleaseRecord['clocks'] {
  return { ...shiftedBy(clocks, clocks.frozen === undefined ? 0 : now - clocks.frozen), frozen: undefined };
}
