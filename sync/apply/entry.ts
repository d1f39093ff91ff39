import { appliedBy, withVersion } from '../../diff/field-sets.ts';
import type { Ignored } from '../../diff/ignore.ts';
import { withPlaces } from '../../diff/places.ts';
import { LockstepError, staleVersion } from '../errors.ts';
import { isTakenOver } from '../options.ts';
import type { Cluster } from '../ports.ts';
import { type Entry, healingManifest, ignoredOf } from '../release/record.ts';
import { fieldManager, type Stamp, stamped } from '../stamp.ts';
import type { KubeObject } from '../types.ts';
import { type ApplyResult, applyObject } from './apply.ts';
import { type ConflictContext, mayTake } from './filters/conflicts.ts';
import { withLiveValues, withoutIgnored, withoutOurs } from './filters/ignored.ts';
import { whileStill, writeEntries } from './write-entries.ts';

/** For which Delivery something is applied, and as whom. */
export interface Applier {
  readonly cluster: Cluster;
  /** The uid of the Delivery. */
  readonly uid: string;
  /** What the Delivery says about taking over. */
  readonly adopt: boolean;
}

/**
 * Applies a manifest to the object of an entry, stamped, with the Delivery's own field manager and the rules of taking
 * over; or tries it.
 * @throws as applyObject does
 */
export async function applyManifest(
  applier: Applier,
  entry: Entry,
  manifest: KubeObject,
  how: HowApplied,
): Promise<ApplyResult> {
  try {
    return await applyKnown(applier, entry, manifest, how);
  } catch (error) {
    if (how.dryRun || !(await isMended(applier, entry, manifest, error))) throw error;
    return applyKnown(applier, entry, manifest, how);
  }
}

/** Where the API server can't read who owns what, that is mended: what was written down in a version that is gone. */
async function isMended(applier: Applier, entry: Entry, manifest: KubeObject, error: unknown): Promise<boolean> {
  const version = staleVersion(error);
  const live = version === undefined ? undefined : await applier.cluster.get(entry.ref);
  if (live === undefined || version === undefined) return false;
  await whileStill(applier.cluster, live, (still) =>
    writeEntries(applier.cluster, still, withVersion(still, version, manifest.apiVersion)),
  );
  return true;
}

async function applyKnown(applier: Applier, entry: Entry, manifest: KubeObject, how: HowApplied): Promise<ApplyResult> {
  const ignored = ignoredOf(entry, manifest);
  if (ignored === undefined) return send(applier, entry, manifest, how);
  const live = await applier.cluster.get(entry.ref);
  // What is left alone is made as Git has it, or as it was before a replacement, and then let go of.
  if (live === undefined) {
    const made = await send(applier, entry, withPlaces(manifest, entry.alone ?? []), how);
    return how.dryRun ? made : { ...made, object: await letGo(applier, made.object, manifest, ignored) };
  }
  if (how.dryRun) return send(applier, entry, triedOn(applier, entry, manifest, live), how);
  const ours = await letGo(applier, live, manifest, ignored);
  return send(applier, entry, withoutIgnored(manifest, ours, ignored), how);
}

/** A manifest as it is tried on a live object. */
export function triedOn(
  { uid }: Pick<Applier, 'uid'>,
  entry: Entry,
  manifest: KubeObject,
  live: KubeObject,
): KubeObject {
  const ignored = ignoredOf(entry, manifest);
  return ignored === undefined ? manifest : withLiveValues(manifest, live, fieldManager(uid), ignored);
}

/**
 * Takes what is left alone out of what we own, at the value that it has: left out while it is ours alone, it would fall back
 * to its default.
 */
function letGo({ cluster, uid }: Applier, object: KubeObject, manifest: KubeObject, ignored: Ignored) {
  return whileStill(cluster, object, async (still) => {
    const managers = withoutOurs(still, manifest, fieldManager(uid), ignored);
    return managers === undefined ? still : writeEntries(cluster, still, managers);
  });
}

/** How a manifest is applied. */
interface HowApplied {
  readonly stamp: Stamp;
  readonly dryRun: boolean;
}

async function send(applier: Applier, entry: Entry, manifest: KubeObject, how: HowApplied): Promise<ApplyResult> {
  const { cluster, uid, adopt } = applier;
  const context = conflictContext(entry, adopt);
  const request = {
    object: stamped(manifest, how.stamp),
    uid: entry.applied?.uid,
    manager: fieldManager(uid),
    dryRun: how.dryRun,
  };
  try {
    return await applyObject(cluster, { ...request, mayTake: (conflict) => mayTake(conflict, context) });
  } catch (error) {
    if (!(await wasWritten(applier, entry, error))) throw error;
    const ours = { ...context, previous: [manifest] };
    return applyObject(cluster, { ...request, mayTake: (conflict) => mayTake(conflict, ours) });
  }
}

/**
 * Whether what is in the way came after a write of ours whose answer was lost: the object was to be made, and bears our entry.
 * Then it is drift, and no field that we never had.
 */
async function wasWritten({ cluster, uid }: Applier, entry: Entry, error: unknown): Promise<boolean> {
  const isConflict = error instanceof LockstepError && error.code === 'FieldConflict';
  if (!isConflict || entry.applied !== undefined || entry.origin !== 'created') return false;
  const live = await cluster.get(entry.ref);
  return live !== undefined && appliedBy(live, fieldManager(uid)) !== undefined;
}

/** Whether an object and its fields may be taken over, as far as the manifest and the Delivery say. */
function conflictContext(entry: Entry, adopt: boolean): ConflictContext {
  const asked = adopt || isTakenOver(entry.manifest);
  const last = entry.applied === undefined ? [] : [healingManifest(entry)];
  return { adopt: asked, previous: entry.attempted === undefined ? last : [...last, entry.manifest] };
}
