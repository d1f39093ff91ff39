import { withVersion } from '../../diff/field-sets.ts';
import type { Ignored } from '../../diff/ignore.ts';
import { isStaleVersion } from '../errors.ts';
import { isTakenOver } from '../options.ts';
import type { Cluster } from '../ports.ts';
import { type Entry, healingManifest } from '../release/record.ts';
import { fieldManager, type Stamp, stamped } from '../stamp.ts';
import { type KubeObject, refOf } from '../types.ts';
import { type ApplyResult, applyObject } from './apply.ts';
import { type ConflictContext, mayTake } from './filters/conflicts.ts';
import { withLiveValues, withoutIgnored, withoutOurs } from './filters/ignored.ts';
import { writeEntries } from './write-entries.ts';

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
  const { ignored } = entry;
  if (ignored === undefined) return send(applier, entry, manifest, how);
  const live = await applier.cluster.get(entry.ref);
  // What is left alone is made as Git has it, and then let go of.
  if (live === undefined) {
    const made = await send(applier, entry, manifest, how);
    return how.dryRun ? made : { ...made, object: await letGo(applier, made.object, manifest, ignored) };
  }
  if (how.dryRun) return send(applier, entry, withLiveValues(manifest, live, ignored), how);
  const ours = await letGo(applier, live, manifest, ignored);
  return send(applier, entry, withoutIgnored(manifest, ours, fieldManager(applier.uid), ignored), how);
}

/** How often an object is read again that others write meanwhile: controllers answer to a new one at once. */
const mostReads = 5;

/**
 * Takes what is left alone out of what we own, at the value that it has: left out while it is ours alone, it would fall back
 * to its default.
 */
async function letGo(
  { cluster, uid }: Pick<Applier, 'cluster' | 'uid'>,
  object: KubeObject,
  manifest: KubeObject,
  ignored: Ignored,
  reads = 0,
): Promise<KubeObject> {
  const managers = withoutOurs(object, manifest, fieldManager(uid), ignored);
  if (managers === undefined) return object;
  try {
    return await writeEntries(cluster, object, managers);
  } catch (error) {
    const live = reads < mostReads ? await cluster.get(refOf(object)) : undefined;
    if (live === undefined || live.metadata.resourceVersion === object.metadata.resourceVersion) throw error;
    return letGo({ cluster, uid }, live, manifest, ignored, reads + 1);
  }
}

/** How a manifest is applied. */
interface HowApplied {
  readonly stamp: Stamp;
  readonly dryRun: boolean;
}

/** Where the API server can't read who owns what, that is mended first. */
async function send(applier: Applier, entry: Entry, manifest: KubeObject, how: HowApplied): Promise<ApplyResult> {
  try {
    return await sendOnce(applier, entry, manifest, how);
  } catch (error) {
    const live = isStaleVersion(error) && !how.dryRun ? await applier.cluster.get(entry.ref) : undefined;
    if (live === undefined) throw error;
    await writeEntries(applier.cluster, live, withVersion(live, manifest.apiVersion));
    return sendOnce(applier, entry, manifest, how);
  }
}

function sendOnce(
  { cluster, uid, adopt }: Applier,
  entry: Entry,
  manifest: KubeObject,
  how: HowApplied,
): Promise<ApplyResult> {
  return applyObject(cluster, {
    object: stamped(manifest, how.stamp),
    uid: entry.applied?.uid,
    manager: fieldManager(uid),
    dryRun: how.dryRun,
    mayTake: (conflict) => mayTake(conflict, conflictContext(entry, adopt)),
  });
}

/** Whether an object and its fields may be taken over, as far as the manifest and the Delivery say. */
function conflictContext(entry: Entry, adopt: boolean): ConflictContext {
  const asked = adopt || isTakenOver(entry.manifest);
  const last = entry.applied === undefined ? [] : [healingManifest(entry)];
  return { adopt: asked, previous: entry.attempted === undefined ? last : [...last, entry.manifest] };
}
