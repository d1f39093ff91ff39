import type { Rollouts } from '../health/rollouts.ts';
import type { Watcher } from '../health/watcher.ts';
import type { Target } from './delivery/target.ts';
import type { Limits } from './limits.ts';
import type { Charts, Clock, Cluster, Kinds, Log, Measure, Records, RuleBook, Sources } from './ports.ts';
import type { Cause, Tip } from './release/standing.ts';
import type { Fingerprint } from './render/config-hash.ts';
import type { Engine } from './render/engine-port.ts';
import type { ManifestReader } from './render/reader-port.ts';
import type { Unsealer } from './render/sops/port.ts';
import type { ValueRef, Values } from './render/values.ts';
import type { CredentialNames, Credentials, KeyPlaces, TrustedKey } from './source/login.ts';

/** Everything that a turn uses of the world. */
export interface World {
  readonly clock: Clock;
  readonly log: Log;
  /** What the target of the Delivery serves. */
  readonly kinds: Kinds;
  readonly sources: Sources;
  readonly charts: Charts;
  readonly engine: Engine;
  readonly manifests: ManifestReader;
  readonly records: Records;
  readonly rules: RuleBook;
  readonly fingerprint: Fingerprint;
  readonly watcher: Watcher;
  readonly rollouts: Rollouts;
  readonly measure: Measure;
  /** What the Delivery may do, beyond what its account may. @throws LockstepError NotAllowed */
  limits(): Limits;
  /** Namespaces and names of the Deliveries whose repositories it stands in, from the nearest. */
  readonly above: readonly string[];
  /** The agent's own namespace. */
  readonly agentNamespace: string;
  /** The API server of a target. Every call first makes sure that the account exists: AccountNotFound otherwise. */
  cluster(target: Target): Cluster;
  /** Whether a namespace is on its way out, or gone. */
  isEnding(namespace: string): Promise<boolean>;
  /** Credentials from Secrets, read as the identity. @throws LockstepError CredentialsNotFound, SourceUnauthorized */
  credentials(identity: string, namespace: string, names: CredentialNames): Promise<Credentials>;
  /** The public keys of those whose signatures count, read as the identity. @throws LockstepError CredentialsNotFound */
  trustedKeys(identity: string, namespace: string, places: KeyPlaces): Promise<TrustedKey[]>;
  /**
   * What opens encrypted files, by the keys of a Secret that is read as the identity; without one it refuses them.
   * @throws LockstepError CredentialsNotFound
   */
  unsealer(uid: string, identity: string, namespace: string, secret: string | undefined): Promise<Unsealer>;
  /**
   * What ConfigMaps and Secrets hold that a Delivery names for its manifests, read as the identity, and followed: a change asks for
   * a turn. @throws LockstepError ValuesNotFound
   */
  values(
    uid: string,
    identity: string,
    namespace: string,
    refs: readonly ValueRef[],
  ): Promise<readonly (Values | undefined)[]>;
  /** A Kubernetes Event on the Delivery. */
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** A warning about a namespace itself: nothing can be written into one that ends. */
  tellNamespace(namespace: string, reason: string, message: string): void;
  /** What the Delivery waits for among those that it depends on, before it releases a tip; undefined when nothing. */
  unmetDependency(tip: Tip): Cause | undefined;
  /** Why a release must not be judged by a failure that it shares with many; undefined when it may. */
  withholds(cause: Cause): string | undefined;
  /** Asks for another turn of the Delivery at once. */
  wake(): void;
  /** Whether the cluster of the target has stopped to answer, maybe since the turn began. */
  isSilent(): boolean;
  /** Whether the Delivery has changed since the turn began. */
  isOutdated(): boolean;
  /** Tells that a step was reached: tests end the agent there. */
  reach(step: Step): void;
}

/** The steps at which an agent may die, and another one must reach the same end. */
export const steps = [
  'after-fetch',
  'plan-stored',
  'before-apply',
  'apply-answered',
  'step-applied',
  'verdict',
  'record-written',
  'mid-prune',
  'mid-rollback',
] as const;
export type Step = (typeof steps)[number];
