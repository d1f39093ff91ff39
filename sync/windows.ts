import { Cron } from 'croner';

/** When releases may start, or may not: from each time of a schedule on, for a while. Times in milliseconds. */
export interface Window {
  readonly kind: 'allow' | 'deny';
  /** Five fields of cron, as `0 22 * * 1-5`. */
  readonly schedule: string;
  readonly duration: number;
  /** A name of the IANA database, as `Europe/Berlin`. */
  readonly timeZone: string;
  /** A person may start a release all the same. */
  readonly manualSync: boolean;
}

/** Why no release may start now. */
export interface Closed {
  /** The window that is in the way; undefined when it is that none of those is open which allow it. */
  readonly by: Window | undefined;
  /** When that is looked at again. */
  readonly until: number;
  readonly mayByHand: boolean;
}

/** Nothing is looked at later than this, in milliseconds. */
const latest = 24 * 3_600_000;

/**
 * Whether a release may start: while no window denies it, and, where there are windows that allow it, one of those is open.
 * @param now wall time
 * @returns undefined when it may
 */
export function closedBy(windows: readonly Window[], now: number): Closed | undefined {
  const open = windows.filter((window) => isOpen(window, now));
  const denying = open.filter(({ kind }) => kind === 'deny');
  const allowing = windows.filter(({ kind }) => kind === 'allow');
  const isAllowed = allowing.length === 0 || open.some(({ kind }) => kind === 'allow');
  if (denying.length === 0 && isAllowed) return undefined;
  const until = Math.min(now + latest, ...windows.map((window) => changesAt(window, now)));
  const inTheWay = [...denying, ...(isAllowed ? [] : allowing)];
  return { by: denying[0], until, mayByHand: inTheWay.every(({ manualSync }) => manualSync) };
}

function isOpen(window: Window, now: number): boolean {
  const began = next(window, now - window.duration);
  return began !== undefined && began <= now;
}

/**
 * When a window may be another thing than now, at the earliest. One that is open closes, or begins anew, a duration after
 * it began: then it is looked at again.
 */
function changesAt(window: Window, now: number): number {
  const began = next(window, now - window.duration);
  if (began === undefined) return Number.POSITIVE_INFINITY;
  return began > now ? began : began + window.duration;
}

/** The first time of a schedule after another. */
function next({ schedule, timeZone }: Window, after: number): number | undefined {
  return cron(schedule, timeZone).nextRun(new Date(after))?.getTime();
}

function cron(schedule: string, timeZone: string): Cron {
  return new Cron(schedule, { timezone: timeZone, mode: '5-part', paused: true });
}

/** What is wrong with a window; undefined when nothing is. */
export function windowProblem({ schedule, duration, timeZone }: Window): string | undefined {
  if (!isTimeZone(timeZone)) return `timeZone ${JSON.stringify(timeZone)} is not known, such as Europe/Berlin is`;
  if (duration < 60_000) return 'duration is less than a minute';
  try {
    const first = cron(schedule, timeZone).nextRun(new Date(0));
    return first === null ? `schedule ${JSON.stringify(schedule)} has no time` : undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    return `schedule ${JSON.stringify(schedule)}: ${why}`;
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** How a window is told: `0 22 * * 5 for 8h (Europe/Berlin)`. */
export function windowText({ kind, schedule, duration, timeZone }: Window): string {
  const minutes = Math.round(duration / 60_000);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  const long = [hours > 0 ? `${hours}h` : '', rest > 0 ? `${rest}m` : ''].join('');
  return `the window that ${kind === 'deny' ? 'denies' : 'allows'} them: ${schedule} for ${long} (${timeZone})`;
}
