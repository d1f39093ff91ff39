import type { Measurement } from '../health/analysis.ts';
import type { Delivery } from './delivery/delivery.ts';
import type { LockstepError } from './errors.ts';
import type { Refusal } from './plan/try.ts';
import type { Asked } from './release/asked.ts';
import type { ReleaseRecord } from './release/record.ts';
import type { Cause, Tip } from './release/standing.ts';
import type { CheckCache, Desired } from './render/check.ts';
import type { RepositoryView } from './render/engine-port.ts';
import type { ParseCache, Rendered } from './render/plain.ts';
import type { Looked } from './render/rendering.ts';
import type { Substituted } from './render/substitute.ts';
import type { Credentials } from './source/login.ts';
import type { ObjectRef } from './types.ts';
import type { World } from './world.ts';

/** One turn of the loop for one Delivery: who, what is remembered, and the world. */
export interface Turn {
  readonly delivery: Delivery;
  readonly session: Session;
  readonly world: World;
}

/** Charts that another one needed and that were fetched, by where they are laid, and what decided which. */
export interface MadeParts {
  readonly key: string;
  readonly fetched: Map<string, RepositoryView>;
}

/** What the engine made of a revision. */
export interface Made {
  readonly parts: MadeParts;
  /** What it was asked for, in one word. */
  readonly asked: string;
  readonly looked: Looked;
  readonly rendered: Rendered;
}

/** A revision that was read, rendered and checked. */
export interface Found {
  /** The commit, and what its content is known by. */
  readonly tip: Tip;
  /** The tree and the settings: equal inputs are equal outcomes. */
  readonly input: string;
  /** The values of the cluster that it was made with. */
  readonly given: string;
  readonly desired: readonly Desired[];
  /** Objects that Git asks to be left alone. */
  readonly skipped: readonly ObjectRef[];
  /** Some kind was not served yet, so its scope was guessed: it is checked again before it is used again. */
  readonly isGuess: boolean;
}

/** Something that keeps a Delivery from going on. */
export interface Trouble {
  readonly reason: string;
  readonly message: string;
  /** Nobody but a person can end it. */
  readonly stalled: boolean;
}

/** What no other try makes readable: a revision by these settings, and why. */
export interface Unreadable {
  readonly input: string;
  readonly error: LockstepError;
  /** The commit, where its content was read. */
  readonly tip: Tip | undefined;
}

/** Why a revision is not released, and when that is tried again. */
export interface PlanTrouble extends Trouble {
  readonly input: string;
  readonly retryAt: number;
  readonly tries: number;
}

/** How one object has drifted. */
export interface Drift {
  /** The state that was looked at. */
  readonly state: string;
  /** What is told of it. */
  readonly text: string;
  /** How often looking at it was refused. */
  readonly tries: number;
  readonly lookAgainAt: number;
}

/** The tries to heal one object. */
export interface Heals {
  /** When each try was made. */
  readonly times: readonly number[];
  /** What the last one was refused for. */
  readonly refusal: string | undefined;
}

/** The best that was seen of an object while it is waited for. */
export interface Progress {
  readonly best: number;
  /** Steady time in milliseconds. */
  readonly at: number;
}

/** The tries to apply one object that were refused. */
export interface Refused {
  readonly tries: number;
  readonly retryAt: number;
  readonly refusal: Refusal;
}

/** Whose log tells why a release failed: that of a container, or of the last pod of a Job. */
export type Failing =
  | { readonly pod: ObjectRef; readonly container: string; readonly previous: boolean }
  | { readonly job: ObjectRef };

/** What is remembered of a Delivery between two turns, in memory only. */
export interface Session {
  record: ReleaseRecord;
  /** The record holds something that is not stored yet. */
  unsaved: boolean;
  /** The save that is under way, or the last one; never rejects. */
  saving: Promise<unknown>;
  /** When the source is asked again. */
  pollAt: number;
  /** When somebody said that it has news that were not asked for yet. Steady time. */
  heardAt: number | undefined;
  /** When the last commit came that changed nothing, and was not told of yet. Wall time. */
  renamedAt: number | undefined;
  /** The conversation with the source that is under way. */
  polling: Promise<void> | undefined;
  tip: string | undefined;
  /** The full name of the reference that the tip was found by. */
  tipRef: string | undefined;
  /** Who has signed what was read last, where that is asked for. */
  tipSigner: string | undefined;
  found: Found | undefined;
  readonly parsed: ParseCache;
  /** What the engine made last, and of what. */
  made: Made | undefined;
  readonly substituted: Substituted;
  readonly checked: CheckCache;
  /** Logins that were read, by the Secrets and the servers that they are for. Until is wall time. */
  readonly credentials: Map<string, { readonly value: Credentials; readonly until: number }>;
  sourceTrouble: Trouble | undefined;
  /** When the source could not be read for the first time since it was read last. Wall time. */
  sourceFailedAt: number | undefined;
  /** How often it could not be read since. */
  sourceFailures: number;
  unreadable: Unreadable | undefined;
  planTrouble: PlanTrouble | undefined;
  applyTrouble: Trouble | undefined;
  healTrouble: Trouble | undefined;
  /** What can't be watched, so that neither its health nor its drift is seen. */
  watchTrouble: Trouble | undefined;
  /** Since when the cluster of the target does not answer. Steady time. */
  silentSince: number | undefined;
  /** Since when something can't be watched. */
  blindSince: number | undefined;
  /** What a running release waits for. */
  waiting: string[];
  /** Objects that were tried by a dry-run, so that their owner was looked at. */
  readonly tried: Set<string>;
  /** When the running release began, or its progress was last told. */
  releaseAt: number;
  /** Since when the cluster is being driven to the target; undefined when that was before a restart. Wall time. */
  changed: number | undefined;
  /** The deadline as it was stored last. */
  storedDeadline: number;
  /** How far each object has come since the wait began, and when it came on last; undefined before the first look. */
  progress: Map<string, Progress> | undefined;
  /** The tip that was compared and planned last. */
  weighed: string | undefined;
  /** When the next turn is due, by what was seen in this one. */
  lookAt: number;
  /** Objects that were refused of late, and when each is tried again. Steady time in milliseconds. */
  readonly refused: Map<string, Refused>;
  /** Since when an object gives a signal of failure. */
  readonly signs: Map<string, number>;
  /** Since when a run of a hook is waited for that is in the way. */
  readonly hookWaits: Map<string, number>;
  /** Since when a workload is waited for. */
  unwellSince: number | undefined;
  /** The tries to bring good back, and why the last one did not. */
  rollback: {
    readonly tries: number;
    /** Those that were refused in a way that no other try changes. */
    readonly refusals?: number;
    readonly retryAt: number;
    readonly problem?: string | undefined;
  };
  /** The container whose signal failed the release, and whether its log is that of an earlier run. */
  failing: Failing | undefined;
  /** Metrics that are measured: when each is due next, and how the measurement that is under way is ended. Steady time. */
  readonly measuring: Map<string, { readonly dueAt: number; readonly abort: AbortController | undefined }>;
  /** Measurements that the record does not hold yet. */
  readonly measured: { readonly metric: string; readonly measurement: Measurement }[];
  /** Why the last request was not carried out. */
  refusal: string | undefined;

  /** What became of each object that had to be healed of late. */
  readonly heals: Map<string, Heals>;
  syncAsked: Asked | undefined;
  /** Somebody asked for a sync: drift is undone once, also with selfHeal off. */
  healAsked: boolean;
  /** Drift that is not to be undone, by object. */
  readonly drift: Map<string, Drift>;
  /** The last request that was carried out. */
  handled: string | undefined;
  generation: number;
}

/** Asks for a turn at a time, or earlier. */
export function lookAgainAt(session: Session, time: number): void {
  session.lookAt = Math.min(session.lookAt, time);
}

/**
 * Somebody says that the source has news. An answer that is under way may be older: it is asked again after it.
 * @param heardAt when that was said. Steady time
 */
export function lookAtSource(session: Session, heardAt: number): void {
  session.pollAt = 0;
  session.heardAt = heardAt;
}

/** What Git says now, and why, when its content can't be understood: it is rejected before anything is planned. */
export function rejectedTip({ unreadable, tip }: Session): { tip: Tip; cause: Cause } | undefined {
  if (unreadable?.tip === undefined || unreadable.tip.revision !== tip) return undefined;
  const { code: reason, message } = unreadable.error;
  return { tip: unreadable.tip, cause: { reason, message } };
}

/** A session that knows nothing but its record. */
export function newSession(record: ReleaseRecord): Session {
  return {
    record,
    unsaved: false,
    saving: Promise.resolve(),
    pollAt: 0,
    heardAt: undefined,
    renamedAt: undefined,
    polling: undefined,
    tip: undefined,
    tipRef: undefined,
    tipSigner: undefined,
    found: undefined,
    parsed: new Map(),
    made: undefined,
    substituted: new WeakMap(),
    checked: new WeakMap(),
    credentials: new Map(),
    sourceTrouble: undefined,
    sourceFailedAt: undefined,
    sourceFailures: 0,
    unreadable: undefined,
    planTrouble: undefined,
    applyTrouble: undefined,
    healTrouble: undefined,
    watchTrouble: undefined,
    blindSince: undefined,
    silentSince: undefined,
    waiting: [],
    tried: new Set(),
    releaseAt: 0,
    changed: record.standing.bad === undefined ? record.standing.target?.startedAt : undefined,
    storedDeadline: record.clocks.deadline,
    progress: undefined,
    weighed: undefined,
    lookAt: Number.POSITIVE_INFINITY,
    refused: new Map(),
    signs: new Map(),
    hookWaits: new Map(),
    unwellSince: undefined,
    rollback: { tries: 0, retryAt: 0 },
    failing: undefined,
    measuring: new Map(),
    measured: [],
    refusal: undefined,
    heals: new Map(),
    syncAsked: record.asked,
    healAsked: false,
    drift: new Map(),
    handled: undefined,
    generation: 0,
  };
}
