import { isRevision, shortRevision } from '../types.ts';
/** Every state of a release, and what is done while it lasts. */
export const states = {
  Synced: 'follows the tip',
  Planning: 'compares, renders, checks and tries the tip; touches nothing',
  Blocked: 'plans again with back-off: the cluster says no or not yet',
  Applying: 'applies one wave; deletes nothing',
  Verifying: 'waits for the health of what was changed',
  Baking: 'waits until the whole app is steadily healthy, and measures it',
  Probation: 'live and announced; nothing is deleted yet, and good is still the release before',
  Pruning: 'deletes what left Git, in reverse waves',
  Paused: 'waits for a person, or until it can be measured again; clocks stop',
  Failing: 'stops the failed release: hooks that run are ended, those of SyncFail run',
  RollingBack: 'applies the objects of good by the exact inverse',
  RollbackVerifying: 'waits for the health of good, then deletes what the bad release created',
  Held: 'keeps the target and heals it; the tip is held back',
  Degraded: 'drives to the target with back-off; a person has been told',
  Suspended: 'frozen: clocks stop, nothing is healed',
  Deleting: 'deletes everything in reverse waves',
} as const;

export type State = keyof typeof states;

/** What tells one content from another. Contents with one equal hash are the same. */
export interface Content {
  /** The tree and the settings that went into the render. */
  readonly input: string;
  /** The manifests that came out of it. */
  readonly render: string;
}

/** A content as Git has it. */
export interface Tip extends Content {
  readonly revision: string;
  readonly author: string;
  readonly subject: string;
  /** The full name of the reference that it was found by. */
  readonly ref?: string;
  /** Tells the repository, and what was followed there, from others. */
  readonly source?: string;
}

/** Who let a content pass that had failed, and the check that does not count for it. */
export interface Acceptance extends Content {
  readonly by: string;
  readonly check: string;
}

/** A content on its way into the cluster, or there. */
export interface Release extends Tip {
  readonly sequence: number;
  /** Wall time in milliseconds. */
  readonly startedAt: number;
  readonly accepted?: Acceptance | undefined;
  /** Who approved its plan, where that was needed. */
  readonly approvedBy?: string;
}

/** Why a release failed: a stable word, and one sentence that names the object. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
}

/** A content that failed, and is not released again without a named person. */
export interface Held extends Tip {
  readonly cause: Cause;
}

/** Where the release of a Delivery stands: what the machine in state.ts moves. */
export interface Standing {
  readonly state: State;
  /** The state to go back to from Planning and Suspended. */
  readonly former: State | undefined;
  /** What Git said last. */
  readonly tip: Tip | undefined;
  /** What the cluster is driven to. */
  readonly target: Release | undefined;
  /** The last release that was verified. */
  readonly good: Release | undefined;
  /** What has to be undone: it failed, was superseded, or a person wants it gone. */
  readonly bad: Release | undefined;
  /** The recorded good that a person wants back: it becomes good once it is verified. */
  readonly aim: Release | undefined;
  /** The wave of the target that is under way, counted from 0, and how many there are. */
  readonly wave: number;
  readonly waves: number;
  /** Good was found healthy again; what the bad release created may go. */
  readonly isCleaning: boolean;
  /** The contents that failed, newest first, at most ten. */
  readonly held: readonly Held[];
  /** Why the bad release failed, or the tip is not released. */
  readonly cause: Cause | undefined;
  /** A person let the tip pass. */
  readonly accepted: Acceptance | undefined;
}

/** What happens to a release. */
export type Event =
  /** Git says something that was not weighed yet, or it is time to weigh it again. */
  | { readonly type: 'tip'; readonly tip: Tip }
  /** The tip is compared with what is known. */
  | { readonly type: 'compared' }
  /** It can't be planned right now. */
  | { readonly type: 'trouble' }
  /** The cluster says no or not yet. */
  | { readonly type: 'blocked'; readonly cause: Cause }
  /** The content is wrong: nothing was touched. */
  | { readonly type: 'rejected'; readonly cause: Cause }
  /** It can go: as which release, in how many waves. */
  | { readonly type: 'planned'; readonly release: Release; readonly waves: number }
  | { readonly type: 'applied' }
  | { readonly type: 'healthy' }
  | { readonly type: 'failed'; readonly cause: Cause }
  | { readonly type: 'inconclusive'; readonly cause: Cause }
  /** Probation is over. */
  | { readonly type: 'ended' }
  | { readonly type: 'pruned' }
  /** Nothing of the failed release runs any more. What then happens follows from spec.rollback. */
  | { readonly type: 'stopped'; readonly isAutomatic: boolean; readonly clearsFirst: boolean }
  /** What the bad release created is gone, or stays for a reason. */
  | { readonly type: 'cleaned' }
  | { readonly type: 'retry' }
  | { readonly type: 'accept'; readonly by: string }
  | { readonly type: 'rollback'; readonly to: Release; readonly by: string }
  | { readonly type: 'suspend' }
  | { readonly type: 'resume' }
  | { readonly type: 'delete' };

/** A Delivery that was never released. */
export function newStanding(): Standing {
  return {
    state: 'Synced',
    former: undefined,
    tip: undefined,
    target: undefined,
    good: undefined,
    bad: undefined,
    aim: undefined,
    wave: 0,
    waves: 0,
    isCleaning: false,
    held: [],
    cause: undefined,
    accepted: undefined,
  };
}

/** A release as people name it. */
export function nameRelease(release: Release | undefined): string {
  if (release === undefined) return 'nothing';
  return `release ${release.sequence} (${shortRevision(release.revision)} by ${release.author})`;
}

/** Whether a person means this release: by its number, or by seven or more characters of its revision. */
export function isCalled({ revision, sequence }: Pick<Release, 'revision' | 'sequence'>, name: string): boolean {
  return String(sequence) === name || (name.length >= 7 && isRevision(revision, name));
}
