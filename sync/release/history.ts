import type { Ended, ReleaseRecord, Verdict } from './record.ts';
import type { Cause, Release, Tip } from './standing.ts';

/** When something ended, in milliseconds, and how many lines history keeps. */
interface Ending {
  readonly now: number;
  readonly history: number;
}

/** Adds the verdict on a release. One release has one line, and the first verdict on it stands. */
export function told(
  record: ReleaseRecord,
  release: Release | undefined,
  verdict: Verdict,
  ending: Ending,
): ReleaseRecord {
  if (release === undefined) return record;
  const known = record.history.find(({ sequence }) => sequence === release.sequence);
  if (known !== undefined && verdict === 'Superseded') return record;
  const cause = verdict === 'Good' ? undefined : record.standing.cause;
  // The plan that the record holds is that of the release that was begun last.
  const plan = known?.plan ?? record.plan;
  const { leftBehind } = record;
  return added(
    record,
    lineOf(release, verdict, cause, { plan, ...(leftBehind.length === 0 ? {} : { leftBehind }) }, ending),
    ending,
  );
}

/**
 * Adds that a tip was rejected: it was never begun, but whoever looks for its commit in history must find it. It takes a
 * number of its own, once: a tip that is planned again and rejected for the same has its line already.
 */
export function rejected(record: ReleaseRecord, tip: Tip | undefined, cause: Cause, ending: Ending): ReleaseRecord {
  if (tip === undefined) return record;
  const [last] = record.history;
  const isAgain = last?.verdict === 'Rejected' && last.revision === tip.revision;
  if (isAgain && last.cause === cause.message) return record;
  const sequence = isAgain ? last.sequence : record.sequence + 1;
  const release = { ...tip, sequence, startedAt: ending.now };
  const numbered = { ...record, sequence: Math.max(record.sequence, sequence) };
  return added(numbered, lineOf(release, 'Rejected', cause, { plan: [] }, ending), ending);
}

function lineOf(
  { sequence, revision, author, subject, startedAt, approvedBy }: Release,
  verdict: Verdict,
  cause: Cause | undefined,
  rest: Pick<Ended, 'plan' | 'leftBehind'>,
  { now }: Ending,
): Ended {
  const [began, time] = [new Date(startedAt).toISOString(), new Date(now).toISOString()];
  const why = cause === undefined ? {} : { cause: cause.message };
  const approval = approvedBy === undefined ? {} : { approvedBy };
  return { sequence, revision, author, subject, ...approval, verdict, startedAt: began, time, ...why, ...rest };
}

function added(record: ReleaseRecord, line: Ended, { history: most }: Ending): ReleaseRecord {
  const others = record.history.filter(({ sequence }) => sequence !== line.sequence);
  return { ...record, history: [line, ...others].sort((a, b) => b.sequence - a.sequence).slice(0, most) };
}
