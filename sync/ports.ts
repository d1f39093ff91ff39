import type { JsonObject } from '../diff/json.ts';
import type { Measurement, Metric } from '../health/analysis.ts';
import type { OwnRule, RuleSet } from '../health/own-rules.ts';
import type { Delivery } from './delivery/delivery.ts';
import type { Target } from './delivery/target.ts';
import type { ReleaseRecord } from './release/record.ts';
import type { RepositoryView } from './render/engine-port.ts';
import type { TreeFile } from './render/plain.ts';
import type { Followed } from './source/follow.ts';
import type { Credentials, Trust } from './source/login.ts';
import type { Tree } from './source/tree.ts';
import type { Commit, KubeObject, ObjectRef } from './types.ts';

/** A kind as the API server serves it. */
export interface ApiResource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** How an apply is sent. */
export interface ApplyOptions {
  readonly manager: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** The API server as one identity sees it. All methods throw ApiError. */
export interface Cluster {
  /** The object, or undefined when it does not exist. */
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  /** Server-side apply. `created` is whether the object did not exist before. */
  apply(object: KubeObject, options: ApplyOptions): Promise<{ object: KubeObject; created: boolean }>;
  /**
   * Deletes an object in the state in which it was read: neither another incarnation nor one that was changed since.
   * The answer is the object while it is still there.
   */
  delete(ref: ObjectRef, live: KubeObject, how?: Propagation): Promise<KubeObject | undefined>;
  /** Tries to make an object. Undefined says that it could be made but for its being there. */
  tryCreate(object: KubeObject, manager: string): Promise<KubeObject | undefined>;
  /** Changes an object by a JSON patch (RFC 6902), as the field manager that is named. */
  patch(ref: ObjectRef, operations: readonly JsonObject[], manager?: string): Promise<KubeObject>;
  /** Tries a JSON merge patch without doing it, and answers what would be. */
  tryMerge(ref: ObjectRef, patch: JsonObject): Promise<KubeObject>;
  /** The objects of a kind in a namespace that a label selector fits, without their managedFields. */
  list(kind: Pick<ObjectRef, 'apiVersion' | 'kind'>, namespace: string, selector: string): Promise<KubeObject[]>;
  /** The last lines that a container wrote; those of its run before, if it has ended. */
  logs(pod: ObjectRef, container: string, how: { readonly lines: number; readonly previous: boolean }): Promise<string>;
}

/** What happens to what an object owns: it goes first, or at its leisure. */
export type Propagation = 'Foreground' | 'Background';

/** The rules that people wrote for the health of kinds. */
export interface RuleBook {
  /**
   * Those that count for a Delivery: its own before those of the installation.
   * @param uid that of the Delivery
   */
  of(uid: string, own: readonly OwnRule[]): RuleSet;
  /** What is wrong with the rule of the installation for a kind; undefined when nothing is. */
  broken(group: string, kind: string): string | undefined;
}

/** One measurement that is to be made. */
export interface Measuring {
  readonly delivery: Delivery;
  readonly metric: Metric;
  /** The number of the release that is measured. */
  readonly release: number;
  /** How many measurements came before that counted. */
  readonly index: number;
}

/** Makes one measurement. It never throws: what can't be measured is an error as its outcome. */
export type Measure = (asked: Measuring, signal: AbortSignal) => Promise<Measurement>;

/** Which kinds the API server serves. */
export interface Kinds {
  /** The kind, or undefined when it is not served as far as known. */
  find(apiVersion: string, kind: string): ApiResource | undefined;
  /** A kind in whatever version is served. */
  findAny(group: string, kind: string): ApiResource | undefined;
  /** Whether no version of a kind is served, as far as the API server knows for sure. */
  isGone(group: string, kind: string): boolean;
  /** What the cluster is, for charts that look at that: as it was half a minute ago at most. */
  capabilities(): Promise<Capabilities>;
  /** Asks the API server again. */
  refresh(): Promise<void>;
}

/** A cluster, as far as charts look at it. */
export interface Capabilities {
  /** Such as v1.36.3; empty where it is not known. */
  readonly version: string;
  /** What is served, as `apps/v1` and `apps/v1/Deployment`. */
  readonly apis: readonly string[];
}

/** What a watch tells. `synced` says that everything that exists has been told. */
export type WatchEvent =
  | { readonly type: 'changed' | 'deleted'; readonly object: KubeObject }
  | { readonly type: 'synced'; readonly present: ReadonlySet<string> }
  | { readonly type: 'failed'; readonly error: Error }
  /** The watch is open, for the first time or after a failure that was told: everything is seen from here on. */
  | { readonly type: 'opened' };

/** What to watch: one kind, in one namespace or everywhere, as one identity. */
export interface WatchTarget {
  /** Where, and as whom. */
  readonly identity: Target;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  /** A label selector. Without one, the objects that carry the label of a Delivery are watched. */
  readonly selector?: string;
  /** A field selector; with it labels count only where a selector says so. */
  readonly fields?: string;
}

/** Opens watches over what the target names. */
export interface Watches {
  /** @returns a function that closes it */
  open(target: WatchTarget, onEvent: (event: WatchEvent) => void): () => void;
}

/** Where a source is and how it is read. */
export interface SourceRequest {
  readonly url: string;
  readonly followed: Followed;
  readonly path: string;
  readonly credentials: Credentials | undefined;
  /** What is left out, in the form of gitignore. Without it, what files in the repository say, and what CI reads. */
  readonly ignore: string | undefined;
  /** Whether submodules are read; where not, they are told as such. */
  readonly submodules: boolean;
  /** Whether another repository, that this one names, may be read. */
  allows(url: string): boolean;
  /** Whether a registry is asked without TLS. */
  readonly isPlain: boolean;
  /** The chart that is the whole source; undefined for a repository of Git, and an artifact of OCI. */
  readonly chart: ChartRequest | undefined;
  /** The set that makes the manifests; undefined for what is read. */
  readonly set: SetRequest | undefined;
  /** Who asks, such as the uid of a Delivery. Who asks for another repository, or logs in anew, lets go of the one before. */
  readonly user: string;
  /** Whose share of the machine it takes: the namespace. */
  readonly owner: string;
  /** How long ago the source may have been asked for its tip by somebody else, in milliseconds; without it, not at all. */
  readonly maxAge?: number;
}

/** A chart of a repository of charts, or of a registry. */
export interface ChartRequest {
  /** `https://…` with an index.yaml, or `oci://…`. */
  readonly repository: string;
  readonly chart: string;
  /** A version or a range; empty for the highest release. */
  readonly version: string;
  readonly credentials: Credentials | undefined;
  /** Whether a registry is asked without TLS. */
  readonly isPlain: boolean;
  /** Whose work it is: nobody gets more than half of what can be read at once. */
  readonly owner: string;
}

/** One version of a chart, as it was found. */
export interface LockedChart {
  readonly version: string;
  /** Of its archive: `sha256:…`. */
  readonly digest: string;
  /** Where the archive is: a URL, or the digest of the manifest that names it. */
  readonly from: string;
}

/** Charts, as far as a sync needs them. All methods throw LockstepError. */
export interface Charts {
  /** What the version or range means now. @throws LockstepError ChartNotFound */
  locate(request: ChartRequest): Promise<LockedChart>;
  /** Its files; fetched only when they are not here yet. */
  read(request: ChartRequest, locked: LockedChart): Promise<Tree>;
}

/** What a set asks for the requests of a repository that are open. */
export interface PullRequestsAsked {
  readonly by: 'pullRequests';
  readonly provider: 'github' | 'gitlab' | 'gitea';
  /** Its URL. */
  readonly api: string;
  readonly project: string;
  /** All of them must be there. */
  readonly labels: readonly string[];
  /** The branch that they are for; undefined for any. */
  readonly branch: string | undefined;
  readonly credentials: Credentials | undefined;
}

/** One generator of a set, and how it is asked. */
export type GeneratorAsked =
  | { readonly by: 'list'; readonly elements: readonly JsonObject[] }
  | {
      readonly by: 'directories' | 'files';
      readonly request: SourceRequest;
      /** Patterns, as gitignore has them. */
      readonly include: readonly string[];
      readonly exclude: readonly string[];
    }
  | PullRequestsAsked;

/** A set of Deliveries: what there is one for, and what it looks like. */
export interface SetRequest {
  readonly generators: readonly GeneratorAsked[];
  /** A manifest whose texts hold `{{ name }}` for parameters. */
  readonly template: JsonObject;
}

/** What a source says now. */
export interface SourceTip {
  /** The id of the commit, or a digest, `sha256:…`. */
  readonly revision: string;
  /** The full name of the reference that it was found by; undefined for a commit that is named itself. */
  readonly ref: string | undefined;
  /** The id of the tag object that names it, or the commit's own. */
  readonly object: string;
}

/** One revision of a source, read. */
export interface Snapshot {
  readonly commit: Commit;
  readonly ref: string | undefined;
  /** Who has signed it, where that was asked for. */
  readonly signer: string | undefined;
  /** The id of the tree at the path: equal ids are equal contents. */
  readonly tree: string;
  readonly files: readonly TreeFile[];
  /** The whole repository, for renderers that look beyond the path. */
  readonly view: RepositoryView;
}

/** Sources, as far as a sync needs them. All methods throw LockstepError. */
export interface Sources {
  /** What is followed now, asked of the server. */
  tip(request: SourceRequest): Promise<SourceTip>;
  /**
   * The files of a revision; fetched only when it is not here yet.
   * @param trust who must have signed it
   */
  read(request: SourceRequest, tip: SourceTip, trust?: Trust): Promise<Snapshot>;
  /** Whether a revision that was read follows an earlier one: whether that is among those that it was made from. */
  follows(request: SourceRequest, revision: string, before: string): Promise<boolean>;
  /** Somebody does not ask any more: a copy that nobody else uses is forgotten. */
  leave(user: string): void;
  /** Ends every conversation. */
  close(): Promise<void>;
}

/** A record as it was found. */
export interface LoadedRecord {
  /** An empty one when there is none, or none that can be used. */
  readonly record: ReleaseRecord;
  /** Why what is stored can't be used. */
  readonly problem: string | undefined;
}

/** Keeps what must survive a restart. All methods throw ApiError, and LockstepError Fenced when a later agent leads. */
export interface Records {
  load(uid: string): Promise<LoadedRecord>;
  save(uid: string, record: ReleaseRecord): Promise<void>;
  remove(uid: string): Promise<void>;
}

/** Time, so that tests can tell it. */
export interface Clock {
  /** Wall time in milliseconds: what is told. */
  now(): number;
  /** Wall time as it would be had nobody set the clock since the start: what deadlines are measured by. */
  steady(): number;
  /** Comes back after some milliseconds. */
  sleep(milliseconds: number): Promise<void>;
}

/** A log with static messages and data in fields. */
export interface Log {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
}
