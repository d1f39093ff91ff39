import { isTakenOver } from '../options.ts';
import type { Cluster } from '../ports.ts';
import { type Entry, healingManifest } from '../release/record.ts';
import { fieldManager, type Stamp, stamped } from '../stamp.ts';
import type { KubeObject } from '../types.ts';
import { type ApplyResult, applyObject } from './apply.ts';
import { type ConflictContext, mayTake } from './filters/conflicts.ts';

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
export function applyManifest(
  { cluster, uid, adopt }: Applier,
  entry: Entry,
  manifest: KubeObject,
  how: { readonly stamp: Stamp; readonly dryRun: boolean },
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
