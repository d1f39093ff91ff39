import type { Ignored } from '../../diff/ignore.ts';
import type { Place } from '../../diff/places.ts';
import type { Run } from '../../health/analysis.ts';
import type { Taken } from '../apply/taken.ts';
import { type Hook, isForward } from '../hooks/phases.ts';
import type { KubeObject, ObjectRef } from '../types.ts';
import type { Asked } from './asked.ts';
import { newStanding, type Release, type Standing } from './standing.ts';
import { isUntouched } from './state.ts';

/** What the API server answered to the last apply of an object, folded. */
export interface Applied {
  readonly uid: string;
  /** The fingerprint of the manifest that was applied. */
  readonly hash: string;
  /** The fingerprint of what we own in the live object; see diff/owned. */
  readonly owned: string;
  /** The number of the release that last changed the object. */
  readonly sequence: number;
  /** What that release did with it. */
  readonly action?: 'create' | 'update' | 'adopt';
  /** How a Job ended that its time to live has taken away since: it is not made again. */
  readonly spent?: 'Complete' | 'JobFailed';
  /** The manifest that was applied, while it is not yet the one that is wanted. */
  readonly manifest?: KubeObject;
  /** What is left alone of that one. */
  readonly ignored?: Ignored;
  /** The whole answer, without status and bookkeeping, until it is kept with a good release. */
  readonly answer?: KubeObject;
}

/** What an object shall be, and its place in the order. */
interface Placed {
  readonly key: string;
  readonly ref: ObjectRef;
  /** The wave among those of all phases; see `gateOf`. */
  readonly wave: number;
  readonly step: number;
  /** The keys of objects that must be healthy before it is applied. */
  readonly after?: readonly string[];
  readonly manifest: KubeObject;
  readonly hash: string;
  /** What of it is left alone once it exists. */
  readonly ignored?: Ignored;
}

/** One object of a Delivery. */
export interface Entry extends Placed {
  /** What makes it a hook: it is made anew in each release, and never healed. */
  readonly hook?: Hook;
  /** The target does not have it: it waits to be deleted. */
  readonly removed: boolean;
  readonly applied: Applied | undefined;
  /** What it was before it was taken over, where that changed anything: so it is given back. */
  readonly found?: KubeObject;
  /** What was taken from its other managers, as they had it: so that is given back. */
  readonly taken?: readonly Taken[];
  /** How it came to be ours since good was verified; undefined for what good holds. */
  readonly origin?: 'created' | 'adopted';
  /** Good has it on its list of what is to be deleted, and a release since wants it again: a way back puts it there. */
  readonly isLeaving?: boolean;
  /** It was changed since good was verified, or is being changed back: its health counts. */
  readonly touched?: boolean;
  /** What is left alone, as it was before the object was deleted to be made again. */
  readonly alone?: readonly Place[];
  /** A write may have gone through although no answer said so: it is applied again whatever the record knows. */
  readonly doubted?: boolean;
  /** What the bad release wanted, while it is being turned back: it may have been written although no answer said so. */
  readonly attempted?: KubeObject;
  /** What did not come back exactly, in words: another manager keeps it, or it could not go back. */
  readonly inexact?: readonly string[];
}

/** One object as a good release had it. */
export interface Kept extends Placed {
  readonly uid: string;
  readonly sequence: number;
  /** What the API server made of the manifest, where that was seen. */
  readonly answer: KubeObject | undefined;
  /** It was there before Lockstep took it over: a rollback never deletes it. */
  readonly adopted?: boolean;
  /** What it was before that, where that changed anything. */
  readonly found?: KubeObject;
  /** What it has of fields that were others', as they had them. */
  readonly taken?: readonly Taken[];
}

/** A release that was verified, with everything that is needed to bring it back without Git. */
export interface GoodRelease {
  readonly release: Release;
  readonly objects: ReadonlyMap<string, Kept>;
}

/** The words in which a release ends. */
export const verdicts = ['Good', 'RolledBack', 'Rejected', 'Superseded', 'Degraded'] as const;
export type Verdict = (typeof verdicts)[number];

/** A release that ended. */
export interface Ended {
  readonly sequence: number;
  readonly revision: string;
  readonly author: string;
  readonly subject: string;
  /** Who approved its plan, where that was needed. */
  readonly approvedBy?: string;
  readonly verdict: Verdict;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly time: string;
  /** Why, where it did not end well. */
  readonly cause?: string;
  /** What was planned, a line an object, Secrets masked; not more than `mostLines`. */
  readonly plan: readonly string[];
  /** What its rollback could not take back, and why. */
  readonly leftBehind?: readonly string[];
}

/** The most lines of a plan that history keeps. */
export const mostLines = 200;

/** The clocks of the release that runs, in milliseconds of wall time. */
export interface Clocks {
  /** When a wait without progress has lasted too long. */
  readonly deadline: number;
  /** When a wait has lasted too long whatever progress it made. */
  readonly cap: number;
  /** When probation ends. */
  readonly probation: number;
  /** Since when all has been well, while that is waited for. */
  readonly well?: number | undefined;
  /** Since when they stand still. */
  readonly frozen: number | undefined;
}

/** The last lines of the container that failed a release: for whoever may read its log, and nobody else. */
export interface LogTail {
  readonly sequence: number;
  readonly pod: ObjectRef;
  readonly container: string;
  readonly text: string;
}

/** What is known of a Delivery's releases: all that must survive a restart. */
export interface ReleaseRecord {
  readonly version: 2;
  /** The number that was given last, to a release that was begun or a tip that was rejected. */
  readonly sequence: number;
  readonly standing: Standing;
  /** The last good releases, newest first. The first one is `standing.good`. */
  readonly goods: readonly GoodRelease[];
  /** Changed in place while a release runs: copying it for each object would cost the square of their number. */
  readonly entries: Map<string, Entry>;
  readonly history: readonly Ended[];
  /** How many objects the last plan treated how. */
  readonly actions: Readonly<Record<string, number>>;
  /** The last plan, a line an object. */
  readonly plan: readonly string[];
  /** What that plan is known by. */
  readonly planHash?: string;
  /** The plan of which a person said that it may delete what is protected, and more than half. */
  readonly confirmed?: string;
  /** What has come of each metric of the release that runs. */
  readonly analysis: Readonly<Record<string, Run>>;
  /** The plan that a person approved last, and who that was. */
  readonly approved?: { readonly plan: string; readonly by: string };
  /** A hook that nothing undoes has succeeded in a release that this one superseded. */
  readonly crossed?: ObjectRef;
  /** That a person asked for the content which waits. */
  readonly asked?: Asked | undefined;
  /** Objects that were not healthy before the release that runs, and are not touched by it. */
  readonly baseline: readonly string[];
  readonly clocks: Clocks;
  /** Which other cluster everything was applied to, where that is one and can be told. */
  readonly cluster?: string;
  /** A person asked for a pause. */
  readonly isSuspended: boolean;
  /** What the last rollback could not take back, and why. */
  readonly leftBehind: readonly string[];
  readonly logTail: LogTail | undefined;
  /** The last request that was carried out: each is carried out once, whatever happens. */
  readonly lastRequest: string | undefined;
}

/** By how much wall time was set since the start, in milliseconds. */
export function offsetOf(clock: { now(): number; steady(): number }): number {
  return clock.now() - clock.steady();
}

/** Clocks moved by some milliseconds: stored they are wall time, in use they are steady. */
export function shiftedBy(clocks: Clocks, milliseconds: number): Clocks {
  const { deadline, cap, probation, well, frozen } = clocks;
  if (milliseconds === 0) return clocks;
  return {
    deadline: deadline + milliseconds,
    cap: cap + milliseconds,
    probation: probation + milliseconds,
    ...(well === undefined ? {} : { well: well + milliseconds }),
    frozen: frozen === undefined ? undefined : frozen + milliseconds,
  };
}

export const stoppedClocks: Clocks = { deadline: 0, cap: 0, probation: 0, frozen: undefined };

/** The record of a Delivery that was never released. */
export function emptyRecord(): ReleaseRecord {
  return {
    version: 2,
    sequence: 0,
    standing: newStanding(),
    goods: [],
    entries: new Map(),
    history: [],
    actions: {},
    plan: [],
    analysis: {},
    baseline: [],
    clocks: stoppedClocks,
    isSuspended: false,
    leftBehind: [],
    logTail: undefined,
    lastRequest: undefined,
  };
}

/** What is kept of a release that was good. */
export function goodOf({ goods }: ReleaseRecord, sequence: number | undefined): GoodRelease | undefined {
  return goods.find(({ release }) => release.sequence === sequence);
}

/** Whether a release was begun and neither verified nor undone. */
export function isUnderWay({ standing }: ReleaseRecord): boolean {
  return !isUntouched(standing);
}

/** Whether a person said that the plan which was released last may delete what is protected. */
export function isConfirmed({ planHash, confirmed }: ReleaseRecord): boolean {
  return confirmed !== undefined && confirmed === planHash;
}

/** The number of the release whose changes are in the cluster: the bad one, until good is back. */
export function runningSequence({ standing: { bad, target }, sequence }: ReleaseRecord): number {
  return (bad ?? target)?.sequence ?? sequence;
}

/** A hook that has succeeded since good was verified, in the running release or one that it superseded, and that nothing undoes. */
export function irreversibleHook(record: ReleaseRecord): ObjectRef | undefined {
  const running = runningSequence(record);
  const own = record.entries
    .values()
    .find(
      ({ hook, applied }) =>
        hook?.isIrreversible === true && applied?.spent === 'Complete' && applied.sequence === running,
    );
  return own?.ref ?? record.crossed;
}

/** Whether the cluster is being driven to the target right now. */
export function isDriven({ standing }: ReleaseRecord): boolean {
  const state = standing.state === 'Planning' ? standing.former : standing.state;
  return state === 'Applying' || state === 'Verifying' || state === 'Baking' || state === 'RollingBack';
}

/** Whether the object in the cluster is not yet what it shall be, as far as the record knows. */
export function isPending(entry: Entry): boolean {
  return !entry.removed && (entry.doubted === true || entry.applied?.hash !== entry.hash);
}

/** The manifest that drift is healed to: what was last applied, even when a later wave will change it. */
export function healingManifest(entry: Entry): KubeObject {
  return entry.applied?.manifest ?? entry.manifest;
}

/** What is left alone, where there is such. */
export function aloneOf({ ignored }: { readonly ignored?: Ignored | undefined }): { readonly ignored?: Ignored } {
  return ignored === undefined ? {} : { ignored };
}

/** What is left alone where a manifest is applied: what was applied last goes with what was left alone then. */
export function ignoredOf({ applied, ignored }: Entry, manifest: KubeObject): Ignored | undefined {
  return applied?.manifest !== undefined && applied.manifest === manifest ? applied.ignored : ignored;
}

/** The applied state of an object when another manifest is wanted: both are kept, and drift is healed to the applied one. */
export function appliedWith(entry: Entry | undefined, hash: string): Applied | undefined {
  if (entry?.applied === undefined) return undefined;
  const { manifest: _manifest, ignored: _ignored, ...applied } = entry.applied;
  if (applied.hash === hash) return applied;
  const manifest = healingManifest(entry);
  return { ...applied, manifest, ...aloneOf({ ignored: ignoredOf(entry, manifest) }) };
}

/** The waves on the way forward that still have wanted objects, in order. */
export function wavesOf(entries: ReadonlyMap<string, Entry>): number[] {
  const waves = new Set<number>();
  for (const { removed, wave } of entries.values()) if (!removed && isForward(wave)) waves.add(wave);
  return [...waves].sort((a, b) => a - b);
}
