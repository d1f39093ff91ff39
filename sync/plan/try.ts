import { asDeclared, foreignIn } from '../../diff/declared.ts';
import { textAt } from '../../diff/json.ts';
import type { ApplyResult } from '../apply/apply.ts';
import { defaultsInTheWay, tryWithout } from '../apply/claim.ts';
import { type Applier, applyManifest, triedOn } from '../apply/entry.ts';
import { ownershipOf } from '../apply/fields.ts';
import { tryReplace } from '../apply/replace.ts';
import { type Taken, takenFrom } from '../apply/taken.ts';
import { isDelivery } from '../children.ts';
import {
  ApiError,
  type ApiErrorClass,
  type ErrorCode,
  inOneLine,
  LockstepError,
  messageOf,
  staleVersion,
} from '../errors.ts';
import { isOnlyCreated, leftAloneByFlux } from '../options.ts';
import { inParallel } from '../parallel.ts';
import type { Kinds } from '../ports.ts';
import type { Entry } from '../release/record.ts';
import { deliveryLabel, fieldManager, foreignOwner, type Stamp, shortUid, stamped } from '../stamp.ts';
import { annotation, type KubeObject, label, titleOf } from '../types.ts';
import { comesInTime, isDeferred } from './deferred.ts';
import { type PlanItem, type Probe, planOf } from './plan.ts';
import { leavingHolders, rivalsOf } from './rivals.ts';

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
  /** How long the API server asks to wait, in milliseconds. */
  readonly retryAfter?: number | undefined;
}

/** What trying came to. */
export interface Tried {
  readonly items: PlanItem[];
  readonly refusals: Refusal[];
  /** Objects that are taken over and changed by that, as they are. They hold Secrets, and are never shown. */
  readonly found: ReadonlyMap<string, KubeObject>;
  /** What is taken from other managers, by object. It holds Secrets, and is never shown. */
  readonly taken: ReadonlyMap<string, readonly Taken[]>;
}

/** Tries every changed object by a dry-run apply. All refusals are found, not the first. */
export async function tryEntries(
  changed: readonly Entry[],
  all: ReadonlyMap<string, Entry>,
  trial: Trial,
): Promise<Tried> {
  const items: PlanItem[] = [];
  const refusals: Refusal[] = [];
  const found = new Map<string, KubeObject>();
  const taken = new Map<string, readonly Taken[]>();
  const holders = leavingHolders(all);
  await inParallel(changed, trial.parallel, async (entry) => {
    const rivals = rivalsOf(entry, holders);
    try {
      const probed = await probe(entry, all, trial);
      const item = planOf(entry, probed);
      items.push({ ...item, warnings: [...item.warnings, ...rivals] });
      const before = probed === 'deferred' ? undefined : changedBefore(item, probed);
      if (before !== undefined) found.set(entry.key, before);
      const theirs = probed === 'deferred' ? [] : takenBefore(entry, probed, trial.uid);
      if (theirs.length > 0) taken.set(entry.key, theirs);
    } catch (error) {
      // Without an account nothing can be tried; the other objects have no more to say.
      if (error instanceof LockstepError && error.code === 'AccountNotFound') throw error;
      const refusal = refusalOf(entry, error);
      refusals.push({ ...refusal, message: [refusal.message, ...rivals].join('; ') });
    }
  });
  return { items, refusals, found, taken };
}

/** What an object is before it is taken over, where that changes anything. */
function changedBefore({ action, changes, warnings }: PlanItem, { live }: Probe): KubeObject | undefined {
  return action === 'adopt' && changes.length + warnings.length > 0 ? live : undefined;
}

/** What is taken over is given back as a whole. */
function takenBefore(entry: Entry, { live, answer }: Probe, uid: string): Taken[] {
  return live === undefined || entry.applied === undefined ? [] : takenFrom(live, answer, uid);
}

async function probe(entry: Entry, all: ReadonlyMap<string, Entry>, trial: Trial): Promise<Probe | 'deferred'> {
  const served = trial.kinds.find(entry.ref.apiVersion, entry.ref.kind) !== undefined;
  if (isDeferred(entry, all, served) && !(served && (await hasHome(entry, trial)))) return 'deferred';
  try {
    return await (entry.hook === undefined ? probeObject(entry, trial) : probeHook(entry, trial));
  } catch (error) {
    if (comesInTime(entry, all, error)) return 'deferred';
    throw error;
  }
}

/** What a hook left in an earlier release goes before it runs: only whether it can be made counts. */
async function probeHook(entry: Entry, { cluster, stamp, uid }: Trial): Promise<Probe> {
  const object = stamped(entry.manifest, stamp);
  return { live: undefined, answer: (await cluster.tryCreate(object, fieldManager(uid))) ?? object };
}

async function probeObject(entry: Entry, trial: Trial): Promise<Probe> {
  const there = isOnlyCreated(entry.manifest) ? await trial.cluster.get(entry.ref) : undefined;
  if (there !== undefined) return { live: there, answer: there, leftAloneBy: 'it is only made where it is missing' };
  const known = entry.applied !== undefined;
  const early = known ? trial.cluster.get(entry.ref) : undefined;
  early?.catch(() => undefined);
  const how = { stamp: trial.stamp, dryRun: true };
  const tried: TriedObject = await applyManifest(trial, entry, entry.manifest, how).catch((error: unknown) => {
    return tryOtherwise(entry, trial, error);
  });
  if (tried.created) return { live: undefined, answer: tried.object };
  const live = await (early ?? liveOrForeign(entry, trial));
  const leftAlone = live === undefined ? undefined : leftAloneByFlux(live);
  if (live !== undefined && leftAlone !== undefined)
    return { live, answer: live, leftAloneBy: `the live object says ${leftAlone}` };
  const ownership = live === undefined ? undefined : ownershipOf(live, tried.object, trial.uid, !known);
  return {
    live,
    answer: tried.object,
    taken: tried.taken,
    ownership,
    notes: tried.notes ?? [],
    replaces: tried.replaces,
  };
}

/** What trying an object came to. */
interface TriedObject extends ApplyResult {
  /** Fields because of which it would be deleted and made again. */
  readonly replaces?: readonly string[];
}

/**
 * What becomes of an object that can't just be applied.
 * @throws what it was refused for, where nothing else does it
 */
async function tryOtherwise(entry: Entry, trial: Trial, error: unknown): Promise<TriedObject> {
  if (staleVersion(error) !== undefined) return foretold(entry, trial);
  // Whose the object is says more than whose its fields are.
  if (entry.applied === undefined && isFieldConflict(error)) await liveOrForeign(entry, trial);
  const places = await defaultsInTheWay(trial, entry, error);
  if (places.length > 0) return { object: await tryWithout(trial, entry, places), created: false, taken: [] };
  const replaced = await tryReplace(trial, entry, error);
  if (replaced === undefined) throw await withKeepers(entry, trial, error);
  return { ...replaced, created: false, taken: [] };
}

/** An item of a list can't be renamed while another manager keeps the old one: whoever that is, is told. */
async function withKeepers(entry: Entry, { cluster, uid }: Trial, error: unknown): Promise<unknown> {
  if (!(error instanceof ApiError) || error.status !== 422 || !error.message.includes('Duplicate value')) return error;
  const live = await cluster.get(entry.ref);
  const lists = new Set(error.causes.map(({ field }) => field.replace(/\[.*$/, '')));
  const kept = (live === undefined ? [] : foreignIn(live, entry.manifest, fieldManager(uid)))
    .filter(({ path }) => path.endsWith(']') && lists.has(path.slice(0, path.lastIndexOf('['))))
    .map(({ path, manager }) => `${path} is kept by ${manager}`);
  return kept.length === 0 ? error : error.saying(`(${inOneLine(kept)})`);
}

/** What can't be tried before it is mended is foretold, defaults aside. */
async function foretold(entry: Entry, trial: Trial): Promise<TriedObject> {
  const { apiVersion } = entry.manifest;
  const live = await trial.cluster.get(entry.ref);
  const object =
    live === undefined
      ? entry.manifest
      : asDeclared(live, triedOn(trial, entry, entry.manifest, live), fieldManager(trial.uid));
  const notes = [
    `who owns what is written down in a version that is not served any more, and is moved to ${apiVersion}`,
  ];
  return { object: object as KubeObject, created: live === undefined, taken: [], notes };
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
  if (adopt || annotation(entry.manifest, 'lockstep.dev/adopt') === 'true') return;
  const owner = foreignOwner(live, own) ?? madeByHand(live, own);
  if (owner !== undefined) throw new LockstepError('ForeignOwner', `${titleOf(entry.ref)} belongs to ${owner}`);
}

/** A Delivery acts as an account: who has made one by hand does not lose it to a repository in which that name turns up. */
function madeByHand(live: KubeObject, own: string): string | undefined {
  const isFree = isDelivery(live) && label(live, deliveryLabel) === undefined;
  return isFree && shortUid(textAt(live, 'metadata', 'uid') ?? '') !== own ? 'whoever has made it by hand' : undefined;
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
    const { retryAfter } = error;
    return { message, permanent: error.class === 'permanent', code: codes[error.class] ?? 'Blocked', retryAfter };
  }
  if (error instanceof LockstepError) return { message: error.message, permanent: !error.retryable, code: error.code };
  return { message: `${title}: ${messageOf(error)}`, permanent: false, code: 'ClusterUnavailable' };
}
