import type { Watcher } from '../health/watcher.ts';
import type { Clock, Cluster, Credentials, Kinds, Log, Records, Sources } from './ports.ts';
import type { ReleaseRecord } from './release/record.ts';
import type { Desired } from './render/check.ts';
import type { ParseCache } from './render/plain.ts';
import type { Commit } from './types.ts';

/** Everything that a reconcile uses of the world. */
export interface World {
  readonly clock: Clock;
  readonly log: Log;
  readonly kinds: Kinds;
  readonly sources: Sources;
  readonly records: Records;
  readonly watcher: Watcher;
  /** The API server as an identity. */
  cluster(identity: string): Cluster;
  /** Whether a service account exists. */
  accountExists(namespace: string, name: string): Promise<boolean>;
  /** Credentials from a Secret, read as the identity. @throws LockstepError CredentialsNotFound */
  credentials(identity: string, namespace: string, name: string): Promise<Credentials>;
  /** A Kubernetes Event on the Delivery. */
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** A revision that was read, rendered and checked. */
export interface Found {
  readonly commit: Commit;
  /** The tree and the settings: equal inputs are equal outcomes. */
  readonly input: string;
  readonly desired: readonly Desired[];
}

/** Something that keeps a Delivery from going on. */
export interface Trouble {
  readonly reason: string;
  readonly message: string;
  /** Nobody but a person can end it. */
  readonly stalled: boolean;
}

/** What is remembered of a Delivery between two runs, in memory only. */
export interface Session {
  record: ReleaseRecord;
  /** When the source is asked again. */
  pollAt: number;
  tip: string | undefined;
  found: Found | undefined;
  readonly parsed: ParseCache;
  credentials: { readonly value: Credentials; readonly until: number } | undefined;
  /** Why the source can't be read. */
  sourceTrouble: Trouble | undefined;
  /** Why the found revision is not released, and when that is tried again. */
  planTrouble: (Trouble & { readonly input: string; readonly retryAt: number; readonly tries: number }) | undefined;
  /** What a running release waits for. */
  waiting: string[];
  applyTrouble: Trouble | undefined;
  /** What can't be watched, so that neither its health nor its drift is seen. */
  watchTrouble: Trouble | undefined;
  /** When the running release began, or its progress was last told. */
  releaseAt: number;
  /** When progress was last seen, for the deadline of a wave. */
  progressAt: number;
  progress: string;
  /** How often each object was healed of late. */
  readonly heals: Map<string, number[]>;
  /** The last request that was carried out. */
  handled: string | undefined;
  generation: number;
}

/** A session that knows nothing but its record. */
export function newSession(record: ReleaseRecord, now: number): Session {
  return {
    record,
    pollAt: 0,
    tip: undefined,
    found: undefined,
    parsed: new Map(),
    credentials: undefined,
    sourceTrouble: undefined,
    planTrouble: undefined,
    waiting: [],
    applyTrouble: undefined,
    watchTrouble: undefined,
    releaseAt: 0,
    progressAt: now,
    progress: '',
    heals: new Map(),
    handled: undefined,
    generation: 0,
  };
}
