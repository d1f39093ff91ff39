/** What the status True of a condition of a type means, by the names that controllers share. */
export type Polarity = 'whole' | 'fits' | 'end' | 'part' | 'busy' | 'bad' | 'held';

/** The object as a whole does what it is for; the first of these that it has counts. */
export const wholes: readonly string[] = [
  'Ready',
  'Available',
  'Healthy',
  'Programmed',
  'Established',
  'Deployed',
  'Active',
];

const types: Readonly<Record<string, Polarity>> = {
  // What was written is right, and has been taken.
  Synced: 'fits', ResourceSynced: 'fits', Accepted: 'fits', ResolvedRefs: 'fits', Valid: 'fits', Validated: 'fits',
  Reconciled: 'fits', ReconcileSuccess: 'fits', Configured: 'fits',
  // It has come to an end, and a good one.
  Succeeded: 'end', Complete: 'end', Completed: 'end', Finished: 'end', Done: 'end',
  // A person must look.
  Stalled: 'bad', Degraded: 'bad', Dangling: 'bad', ErrorOccurred: 'bad', HasErrors: 'bad', Terminal: 'bad',
  // It is on its way.
  NotReady: 'busy', Pending: 'busy', Recoverable: 'busy', RollingOut: 'busy', RollingUpdate: 'busy',
  // A person asked it to stand still.
  Suspended: 'held', Paused: 'held', ReconciliationPaused: 'held', Stopped: 'held',
}; // biome-ignore format: a table

/** `ReconcileError`, `CatalogSourcesUnhealthy`, `NoMatchingInstance`: named for what is wrong. */
const namedForFailure =
  /^(?:NoMatching|Invalid|Missing)|(?:Error|Errored|Failed|Failure|Unhealthy|Degraded|Invalid|Conflicted|Missing)$/;
/** `Progressing`, `BundleUnpacking`: named for what goes on. */
const namedForWork =
  /(?:Progressing|Reconciling|Installing|Creating|Provisioning|Initializing|Deploying|Updating|Upgrading|Unpacking|Migrating|Deleting|Terminating|PlanPending)$/;
/** `ConfigurationsReady`, `ValidationSucceeded`: named for a part of it that is as it should be. */
const namedForPart =
  /(?:Ready|Available|Healthy|Succeeded|Synced|Synchronized|Reconciled|Accepted|Resolved|Valid|Provisioned|Created|Deployed|Installed|Loaded|Launched|Registered|Scheduled|Initialized|Reserved|Admitted|Bound|Provided|Resolvable)$/;

/** What the status True of a condition means; undefined for types that no two controllers share. */
export function polarityOf(type: string): Polarity | undefined {
  // Some put their own name before it: `ACK.Terminal`.
  const name = type.slice(type.lastIndexOf('.') + 1);
  if (wholes.includes(name)) return 'whole';
  const known = types[name];
  if (known !== undefined) return known;
  if (namedForFailure.test(name)) return 'bad';
  if (namedForWork.test(name)) return 'busy';
  return namedForPart.test(name) ? 'part' : undefined;
}
