import { defaultsInTheWay, tryWithout } from '../apply/claim.ts';
import { type Applier, applyManifest, conflictContext } from '../apply/entry.ts';
import { ApiError, type ApiErrorClass, type ErrorCode, LockstepError, messageOf } from '../errors.ts';
import { inParallel } from '../parallel.ts';
import type { Kinds } from '../ports.ts';
import type { Entry } from '../release/record.ts';
import { foreignOwner, type Stamp } from '../stamp.ts';
import { type KubeObject, titleOf } from '../types.ts';
import { isDeferred, type PlanItem, type Probe, planOf } from './plan.ts';

/** What trying needs to know of the Delivery. */
export interface Trial extends Applier {
  readonly kinds: Kinds;
  readonly stamp: Stamp;
  readonly parallel: number;
}

/** An object that the API server would refuse, and whether waiting may help. */
export interface Refusal {
  readonly message: string;
  readonly permanent: boolean;
  readonly code: ErrorCode;
}

/** Tries every changed object by a dry-run apply. All refusals are found, not the first. */
export async function tryEntries(
  changed: readonly Entry[],
  all: ReadonlyMap<string, Entry>,
  trial: Trial,
): Promise<{ items: PlanItem[]; refusals: Refusal[] }> {
  const items: PlanItem[] = [];
  const refusals: Refusal[] = [];
  await inParallel(changed, trial.parallel, async (entry) => {
    try {
      items.push(planOf(entry, await probe(entry, all, trial)));
    } catch (error) {
      // Without an account nothing can be tried; the other objects have no more to say.
      if (error instanceof LockstepError && error.code === 'AccountNotFound') throw error;
      refusals.push(refusalOf(entry, error));
    }
  });
  return { items, refusals };
}

async function probe(entry: Entry, all: ReadonlyMap<string, Entry>, trial: Trial): Promise<Probe | 'deferred'> {
  const served = trial.kinds.find(entry.ref.apiVersion, entry.ref.kind) !== undefined;
  if (isDeferred(entry, all, served) && !(served && (await hasHome(entry, trial)))) return 'deferred';
  const known = entry.applied !== undefined;
  const early = known ? trial.cluster.get(entry.ref) : undefined;
  early?.catch(() => undefined);
  const how = { stamp: trial.stamp, dryRun: true };
  const tried = await applyManifest(trial, entry, entry.manifest, how).catch(async (error: unknown) => {
    // Whose the object is says more than whose its fields are.
    if (!known && isFieldConflict(error)) await liveOrForeign(entry, trial);
    const places = await defaultsInTheWay(trial, entry, error);
    if (places.length === 0) throw error;
    return { object: await tryWithout(trial, entry, places), created: false };
  });
  if (tried.created) return { live: undefined, answer: tried.object };
  return { live: await (early ?? liveOrForeign(entry, trial)), answer: tried.object };
}

function isFieldConflict(error: unknown): boolean {
  return error instanceof LockstepError && error.code === 'FieldConflict';
}

/** The live object of an entry that was never applied. @throws LockstepError ForeignOwner */
async function liveOrForeign(entry: Entry, { cluster, stamp, adopt }: Trial): Promise<KubeObject | undefined> {
  const live = await cluster.get(entry.ref);
  if (live !== undefined) refuseForeign(entry, live, stamp.shortUid, adopt);
  return live;
}

/** A namespace that is in the same release may be there already. Who may not see it finds out at the apply. */
async function hasHome(entry: Entry, trial: Trial): Promise<boolean> {
  const { namespace } = entry.ref;
  if (namespace === undefined) return true;
  const home = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
  return trial.cluster.get(home).then(
    (found) => found !== undefined,
    () => false,
  );
}

/** @throws LockstepError ForeignOwner when an object belongs to another tool and adoption was not asked for */
export function refuseForeign(entry: Entry, live: KubeObject, own: string, adopt: boolean): void {
  if (conflictContext(entry, adopt).adopt) return;
  const owner = foreignOwner(live, own);
  if (owner !== undefined) throw new LockstepError('ForeignOwner', `${titleOf(entry.ref)} belongs to ${owner}`);
}

const codes: Readonly<Partial<Record<ApiErrorClass, ErrorCode>>> = {
  permanent: 'ApplyRefused',
  forbidden: 'Forbidden',
  'not-served': 'KindNotServed',
  transient: 'ClusterUnavailable',
};

/** What a failed apply means for the plan. */
export function refusalOf(entry: Entry, error: unknown): Refusal {
  const title = titleOf(entry.ref);
  if (error instanceof ApiError) {
    const isNamed = error.class !== 'not-served' && error.message.includes(`"${entry.ref.name}"`);
    const message = isNamed ? error.message : `${title}: ${error.message}`;
    return { message, permanent: error.class === 'permanent', code: codes[error.class] ?? 'Blocked' };
  }
  if (error instanceof LockstepError) return { message: error.message, permanent: !error.retryable, code: error.code };
  return { message: `${title}: ${messageOf(error)}`, permanent: false, code: 'ClusterUnavailable' };
}
