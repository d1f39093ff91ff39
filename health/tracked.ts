import { ownedBy, pathsSentEmpty } from '../diff/owned.ts';
import { leftAloneByFlux } from '../sync/options.ts';
import { type Entry, healingManifest } from '../sync/release/record.ts';
import { groupOf, type Health, type HealthWord, type KubeObject, refOf, titleOf } from '../sync/types.ts';
import { job } from './kinds/job.ts';
import { progressOf } from './progress.ts';
import { revisionOf } from './rollout.ts';
import { healthOf } from './rules.ts';
import { degraded, type HealthContext, healthy, progressing, type Verdict } from './scale.ts';
import { sinceOf } from './since.ts';

/** What is known of one live object. `questioned`: a watch lost sight of it, which only a read can explain. */
export interface Live {
  readonly state: 'present' | 'questioned';
  readonly uid: string;
  readonly version: string;
  /** What we own in it, folded. */
  readonly owned: string | undefined;
  readonly health: Health;
  /** Since when it has that word, where that is known: wall time in milliseconds. */
  readonly since: number | undefined;
  /** Time alone may change its health. */
  readonly isTimed?: boolean;
  /** The newest revision of a workload, once its controller has seen the last change. */
  readonly revision: string | undefined;
  /** How far its rollout has come: a number that grows. */
  readonly progress: number;
  /** Somebody wrote on it that it is to be left alone. */
  readonly isLeftAlone?: boolean;
}

/** One object that is followed, folded into a few words. */
export interface Tracked {
  readonly key: string;
  /** What it was tracked for last. */
  entry: Entry;
  /** The name of the watch that tells of it. */
  readonly watch: string;
  readonly manifest: KubeObject;
  readonly sentEmpty: readonly string[];
  uid: string | undefined;
  /** What we own as of our last apply: the reference that drift is measured against. */
  reference: string | undefined;
  live: Live | undefined;
  /** What the rule that people wrote for its kind said last, and of which state. */
  ruled: Ruled | undefined;
  /** The question that was asked last, while it has no answer. */
  asked: { readonly version: string } | undefined;
  /** It is to be judged again, also when nothing of it has changed. */
  isDoubted: boolean;
  /** Kept only while the health depends on the time that passes. */
  settling: KubeObject | undefined;
  /** How a Job was seen to end. */
  ended: JobEnd | undefined;
  /** It is done, whatever becomes of its object. */
  isSettled: boolean;
}

/** What a rule said of one state of an object. */
export interface Ruled {
  readonly uid: string | undefined;
  readonly version: string;
  readonly generation: number;
  readonly verdict: Verdict | undefined;
}

/** No rule was asked yet. */
export const unruled = { ruled: undefined, asked: undefined, isDoubted: false };

/** How a Job ends, in the words of its health. */
export type JobEnd = 'Complete' | 'JobFailed';

/** Begins to track an entry, or goes on with what was known of it. */
export function track(entry: Entry, watch: string, before: Tracked | undefined): Tracked {
  const manifest = healingManifest(entry);
  const isSame = before?.manifest === manifest && before.watch === watch;
  const isSettled = entry.applied?.spent !== undefined;
  if (before !== undefined && isSame) {
    before.entry = entry;
    before.isSettled &&= isSettled;
    return before;
  }
  const sentEmpty = pathsSentEmpty(manifest);
  if (before !== undefined)
    return { ...before, entry, watch, manifest, sentEmpty, isSettled: before.isSettled && isSettled, ...unruled };
  const { uid, owned } = entry.applied ?? {};
  const made: Tracked = {
    key: entry.key,
    entry,
    watch,
    manifest,
    sentEmpty,
    uid,
    reference: owned,
    live: undefined,
    ...unruled,
    settling: undefined,
    ended: undefined,
    isSettled: false,
  };
  if (entry.applied?.spent !== undefined) settle(made, entry.applied.spent);
  return made;
}

/** A Job that its time to live took away is not missed: it stays as well as it ended. */
export function settle(tracked: Tracked, end: JobEnd): void {
  const since = tracked.live?.since;
  tracked.uid = undefined;
  tracked.reference = undefined;
  tracked.settling = undefined;
  tracked.isSettled = true;
  const health = end === 'Complete' ? healthy('Complete') : degraded('JobFailed', `${tracked.key}: the Job failed`);
  const gone = { uid: '', version: '', owned: undefined, revision: undefined, progress: 0 };
  tracked.live = { state: 'present', health, since, ...gone };
}

/** How a Job has ended, by what it says itself: a rule that somebody wrote may call that otherwise. */
function endOf(object: KubeObject, { reason }: Pick<Health, 'reason'>): JobEnd | undefined {
  const said = object.kind === 'Job' && groupOf(object.apiVersion) === 'batch' ? job(object).reason : reason;
  return said === 'Complete' || said === 'JobFailed' ? said : undefined;
}

/** Takes a state of the object as the newest. */
export function see(tracked: Tracked, object: KubeObject, manager: string, context: HealthContext): void {
  take(tracked, object, fold(tracked, object, manager, context));
}

/** Takes a state that is folded already as the newest. */
export function take(tracked: Tracked, object: KubeObject, live: Live): void {
  // How a Job ended is remembered while it is on its way out: when it is gone, nobody else knows.
  const isLeaving = live.health.reason === 'Terminating' && tracked.live?.uid === live.uid;
  tracked.ended = endOf(object, live.health) ?? (isLeaving ? tracked.ended : undefined);
  tracked.live = live;
  tracked.isDoubted = false;
  tracked.settling = live.isTimed === true ? object : undefined;
}

/** Folds a live object. */
export function fold(tracked: Tracked, object: KubeObject, manager: string, context: HealthContext): Live {
  const verdict = tracked.entry.hook === undefined ? healthOf(object, context) : hookHealth(object, context);
  const { until, ...health } = verdict;
  // Until its controller has seen the last change, a status tells of the rollout before.
  const isOld = health.reason === 'GenerationLag';
  return {
    state: 'present',
    uid: object.metadata.uid ?? '',
    version: object.metadata.resourceVersion ?? '',
    owned: ownedBy(object, manager, tracked.sentEmpty),
    health,
    since: sinceWhen(tracked.live, object, health.status, context.now),
    ...(until === undefined ? {} : { isTimed: true }),
    revision: isOld ? undefined : revisionOf(object),
    progress: isOld ? 0 : progressOf(object),
    ...(leftAloneByFlux(object) === undefined ? {} : { isLeftAlone: true }),
  };
}

/** What was seen before tells since when; at first sight only the object itself does. */
function sinceWhen(before: Live | undefined, object: KubeObject, word: HealthWord, now: number): number | undefined {
  if (before === undefined) return Math.min(now, sinceOf(object) ?? now);
  return before.health.status === word && before.uid === object.metadata.uid ? before.since : now;
}

/** A hook that is on its way out says how it ended all the same; one that had not ended has failed. */
function hookHealth(object: KubeObject, context: HealthContext): Verdict {
  const { deletionTimestamp: going, ...metadata } = object.metadata;
  const health = healthOf({ ...object, metadata: metadata as KubeObject['metadata'] }, context);
  const isOver = health.status === 'Healthy' || health.status === 'Degraded';
  if (going === undefined || isOver)
    return health.status === 'Suspended' ? progressing(health.reason, health.message) : health;
  return degraded('HookDeleted', `${titleOf(refOf(object))}: was deleted before it was done`);
}

/** The last state of an object that a watch tells of when it goes. */
export function seeLast(tracked: Tracked, object: KubeObject, context: HealthContext): void {
  const { deletionTimestamp: _deleted, ...metadata } = object.metadata;
  const last = { ...object, metadata: metadata as KubeObject['metadata'] };
  tracked.ended = endOf(last, healthOf(last, context)) ?? tracked.ended;
}

/** A watch lost sight of the object: it is gone, or only its label is. */
export function question(tracked: Tracked): void {
  const health: Health = { status: 'Missing', reason: 'NotSeen', message: `${tracked.key} is not there any more` };
  tracked.settling = undefined;
  tracked.live = {
    state: 'questioned',
    uid: tracked.uid ?? '',
    version: '',
    owned: undefined,
    health,
    since: tracked.live?.health.status === 'Missing' ? tracked.live.since : undefined,
    revision: undefined,
    progress: 0,
  };
}

/** Whether the live object differs from what our last apply left, as far as we own it. */
export function isSuspect(tracked: Tracked): boolean {
  if (tracked.reference === undefined && tracked.uid === undefined) return false;
  if (tracked.live === undefined) return false;
  return tracked.live.state === 'questioned' || tracked.live.owned !== tracked.reference;
}

/** Whether an event says something that a Delivery should look at. */
export function isWorthALook(before: Live | undefined, tracked: Tracked): boolean {
  if (isSuspect(tracked)) return true;
  const after = tracked.live;
  return (
    before?.health.status !== after?.health.status ||
    before?.health.message !== after?.health.message ||
    before?.progress !== after?.progress
  );
}
