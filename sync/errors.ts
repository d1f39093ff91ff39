/**
 * Every code of an error that people meet, whether trying again may help, and what to do about it.
 * The reference page is generated from this table.
 */
export const errorCodes = {
  SourceUnreachable: { retryable: true, hint: 'Check the URL, the network and the server.' },
  SourceUnauthorized: { retryable: true, hint: 'Check the Secret that spec.source.secretRef names.' },
  SourceTooLarge: {
    retryable: false,
    hint: 'The repository is larger than the limit; raise git-max-bytes or split it.',
  },
  SourceUnsupported: {
    retryable: false,
    hint: 'Use an https://, ssh:// or http:// URL of a SHA-1 repository, or an oci:// URL of an artifact with an archive of manifests or a chart.',
  },
  HostKeyUnknown: {
    retryable: true,
    hint: 'Add the key of the server, as `ssh-keyscan` prints it and its operator confirms it, to known_hosts in the Secret that spec.source.secretRef names.',
  },
  StorageFailed: {
    retryable: true,
    hint: 'The agent can not use its folder (--data-dir): give it room and the right to write; nothing is lost with it.',
  },
  RefNotFound: { retryable: true, hint: 'Check spec.source.ref; a missing reference never deletes anything.' },
  RepositoryEmpty: { retryable: true, hint: 'Push a commit; an empty repository never deletes anything.' },
  PathNotFound: { retryable: true, hint: 'Check spec.source.path; a missing path never deletes anything.' },
  ChartNotFound: {
    retryable: true,
    hint: 'Check the repository, name and version of the chart: in spec.render.helm, or among the dependencies in Chart.yaml.',
  },
  DecryptionFailed: {
    retryable: true,
    hint: 'Put the key into the Secret that spec.render.decryption names, or encrypt the file anew by SOPS, for age or OpenPGP.',
  },
  CredentialsNotFound: {
    retryable: true,
    hint: 'Create the Secret or ConfigMap that spec.source names, in the namespace of the Delivery, with the keys that are named.',
  },
  HistoryRewritten: {
    retryable: false,
    hint: 'spec.source.requireFastForward is on, and the new revision does not follow the one before: confirm it, or push one that does.',
  },
  TagMoved: {
    retryable: false,
    hint: 'spec.source.requireFastForward is on, and the tag names another commit than before: confirm it, or make a new tag.',
  },
  ValuesNotFound: {
    retryable: true,
    hint: 'Create the ConfigMap or Secret that spec.render names, in the namespace of the Delivery, or let its service account get, list and watch it.',
  },
  SignatureInvalid: {
    retryable: true,
    hint: 'Sign the commit or tag by a key that spec.source.verify names, or add the key there.',
  },
  KubeconfigInvalid: {
    retryable: true,
    hint: 'Mend the Secret that spec.target.kubeconfigSecretRef names: its kubeconfig may hold a server with its certificate, and a token or client certificate, and nothing else.',
  },
  InvalidManifests: { retryable: false, hint: 'Fix the named files and push again.' },
  RenderFailed: {
    retryable: true,
    hint: 'Rendering takes more time or memory than it may, or the engine broke: make the kustomization or chart smaller; it is tried again.',
  },
  EngineMissing: {
    retryable: true,
    hint: 'Build the engine with `npm run build:engine`, or say where it is by --engine; the image holds it.',
  },
  NotAllowed: {
    retryable: true,
    hint: 'Whoever runs Lockstep limits what Deliveries of this namespace may do; ask them, or change what is named.',
  },
  InvalidSpec: { retryable: false, hint: 'Change the named fields of the Delivery.' },
  InvalidRule: {
    retryable: false,
    hint: 'Mend the expression of the health rule at the place that is named; `lockstep health -f FILE --rules FILE` tries it.',
  },
  EmptyRender: {
    retryable: false,
    hint: 'The path holds no objects while the cluster holds some; confirm the plan, or delete the Delivery to remove them.',
  },
  TooManyPruned: {
    retryable: false,
    hint: 'More than half of the objects would be deleted at once; confirm the plan, or prune in smaller steps.',
  },
  AwaitingSync: {
    retryable: false,
    hint: 'spec.sync.mode is manual: ask for it with `lockstep sync`, with --plan for just this plan.',
  },
  AwaitingApproval: {
    retryable: false,
    hint: 'spec.sync.approval is required: look at the plan, and approve it with `lockstep approve`.',
  },
  OutsideWindow: { retryable: true, hint: 'spec.sync.windows lets no release start now; it starts by itself later.' },
  DependencyNotReady: { retryable: true, hint: 'A Delivery of spec.dependsOn is not good yet at what Git says.' },
  DependencyCycle: { retryable: false, hint: 'Deliveries depend on each other in a circle; take one of them out.' },
  CircuitOpen: {
    retryable: true,
    hint: 'Many Deliveries fail for one cause that none of them has made: mend that; nothing is rolled back for it.',
  },
  PlanChanged: {
    retryable: false,
    hint: 'The plan that was asked for is not what would be done now; look at it again.',
  },
  AccountNotFound: { retryable: true, hint: 'Create the service account that spec.target.serviceAccountName names.' },
  Forbidden: { retryable: true, hint: 'Grant the named right to the service account of the Delivery.' },
  FieldConflict: {
    retryable: true,
    hint: 'Remove the field from Git, or set lockstep.dev/adopt: "true" on the object to take it over.',
  },
  ForeignOwner: {
    retryable: true,
    hint: 'Remove the object from one of the two, or set spec.sync.adopt: true to take it over.',
  },
  Terminating: { retryable: true, hint: 'Lockstep waits until the object is gone; see what its finalizers wait for.' },
  KindNotServed: { retryable: true, hint: 'Install the CustomResourceDefinition of the kind.' },
  Blocked: { retryable: true, hint: 'The cluster says no or not yet; Lockstep tries again by itself.' },
  ApplyRefused: { retryable: false, hint: 'Fix the object as the API server says.' },
  ApplyFailed: { retryable: true, hint: 'An object of the running release was refused; it is tried again.' },
  HealFailed: { retryable: true, hint: 'Drift can not be undone, or keeps coming back; see who changes the object.' },
  Drifted: {
    retryable: true,
    hint: 'spec.sync.selfHeal is off; turn it on, request a sync, or push what is wanted.',
  },
  PruneIncomplete: { retryable: true, hint: 'An object that left Git can not be deleted; see the message.' },
  Progressing: { retryable: true, hint: 'A wave is not healthy yet; the message says what is waited for.' },
  ProgressDeadlineExceeded: {
    retryable: true,
    hint: 'A wave made no progress within spec.health.deadline; the message says what is waited for.',
  },
  AnalysisFailed: { retryable: false, hint: 'A metric of spec.health.analysis failed the release; see its values.' },
  AnalysisInconclusive: {
    retryable: false,
    hint: 'A metric says neither that the release is good nor that it is bad: look at it, then request resume, accept or rollback.',
  },
  AnalysisError: {
    retryable: true,
    hint: 'A metric can not be measured, so nothing is judged by it; the release goes on when it can be again.',
  },
  LeftBehind: { retryable: false, hint: 'The namespace of the Delivery went first; delete what is listed by hand.' },
  RequestUnknown: { retryable: false, hint: 'Use a verb that this version knows in lockstep.dev/request.' },
  RecordUnusable: {
    retryable: false,
    hint: 'The record of the releases was changed or lost; nothing is deleted because of it, and it is begun anew.',
  },
  Fenced: { retryable: true, hint: 'Another agent leads now; this one stops by itself.' },
  Held: {
    retryable: false,
    hint: 'This content has failed. Push a fix, or release it once more with the request `retry` or `accept`.',
  },
  RolledBack: {
    retryable: false,
    hint: 'The release failed, the last good one is live again; see the message, and push a fix.',
  },
  ReleaseFailed: {
    retryable: false,
    hint: 'The release failed and there is nothing to go back to, or spec.rollback.mode is not auto; push a fix.',
  },
  RollbackFailed: {
    retryable: true,
    hint: 'The last good release could not be brought back whole; Lockstep goes on trying. See the message.',
  },
  RollingBack: { retryable: true, hint: 'The release failed; the last good one is being brought back.' },
  RequestRefused: { retryable: false, hint: 'The request does not fit what is; the message says what would.' },
  ClusterUnavailable: { retryable: true, hint: 'Lockstep tries again by itself.' },
} as const satisfies Record<string, { retryable: boolean; hint: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** An error that a person may meet: a stable code, and a message that names the object. */
export class LockstepError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LockstepError';
    this.code = code;
  }
  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }
}

/**
 * What an API server's refusal means: `permanent` will never pass as it is, `environment` may pass once something else
 * in the cluster changes, `transient` may pass when tried again, `conflict` names another owner, `expired` asks for a new list.
 */
export type ApiErrorClass =
  | 'permanent'
  | 'environment'
  | 'transient'
  | 'forbidden'
  | 'conflict'
  | 'absent'
  | 'not-served'
  | 'expired';

/** A field that another manager owns. */
export interface FieldConflict {
  readonly field: string;
  readonly manager: string;
}

/** One thing that the API server found wrong with an object. */
export interface FieldCause {
  readonly field: string;
  /** The field can't be changed at all, whatever its value. */
  readonly isImmutable: boolean;
}

/** An answer of the API server that was no success. The message is the server's own, masked where a Secret is concerned. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly class: ApiErrorClass;
  readonly conflicts: readonly FieldConflict[];
  readonly causes: readonly FieldCause[];
  readonly retryAfter: number | undefined;
  constructor(
    message: string,
    details: {
      status: number;
      reason: string;
      class: ApiErrorClass;
      conflicts?: readonly FieldConflict[];
      causes?: readonly FieldCause[];
      retryAfter?: number | undefined;
      cause?: unknown;
    },
  ) {
    super(message, { cause: details.cause });
    this.name = 'ApiError';
    this.status = details.status;
    this.reason = details.reason;
    this.class = details.class;
    this.conflicts = details.conflicts ?? [];
    this.causes = details.causes ?? [];
    this.retryAfter = details.retryAfter;
  }

  /** The same error with more said behind the server's words. */
  saying(more: string): ApiError {
    return new ApiError(`${this.message} ${more}`, { ...this, cause: this });
  }
}

/** Many messages in one line, each once, and no more of them than people read. */
export function inOneLine(messages: readonly string[], most = 20): string {
  const once = [...new Set(messages)];
  const more = once.length > most ? `; and ${once.length - most} more` : '';
  return `${once.slice(0, most).join('; ')}${more}`;
}

/** A text that is no longer than it may be. It is cut between words: half of one might show what nobody masks. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/\S*$/, '')}…`;
}

/** The fields that can't be changed, where that is all that an object was refused for. */
export function immutableFields(error: unknown): string[] {
  if (!(error instanceof ApiError) || error.status !== 422) return [];
  return error.causes.every(({ isImmutable }) => isImmutable) ? error.causes.map(({ field }) => field) : [];
}

/** Whether the API server said that the object does not exist. */
export function isAbsent(error: unknown): boolean {
  return error instanceof ApiError && error.class === 'absent';
}

/** Whether the API server said that somebody else has written the object, or made it first. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

/** The version that is not served any more, where the API server can't read for it who owns what. */
export function staleVersion(error: unknown): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  return /request to convert CR to an invalid group\/version: ([^\s,]+)/.exec(error.message)?.[1];
}

/** Whether the API server does not serve a kind, as far as it says. */
export function isNotServed(error: unknown): boolean {
  return error instanceof ApiError && error.class === 'not-served';
}

/** Whether nobody answered. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof ApiError && error.status === 0;
}

/** Whether the API server said that this is not allowed. */
export function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.class === 'forbidden';
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
