import { compare } from '../../../diff/compare.ts';
import { withoutPointed } from '../../../diff/ignore.ts';
import type { JsonObject } from '../../../diff/json.ts';
import { maskPair } from '../../../diff/mask.ts';
import { withoutNoise } from '../../../diff/normalize.ts';
import { jsonPatch } from '../../../diff/patch.ts';
import type { Entry } from '../../../sync/release/record.ts';
import type { Desired } from '../../../sync/render/check.ts';
import { stampNames } from '../../../sync/stamp.ts';
import { type KubeObject, type ObjectRef, refOf } from '../../../sync/types.ts';
import { referenceOf } from './resources.ts';
import type { DiffView } from './schemas.ts';

/** What releasing the tip would change of one object. */
export interface Pending {
  readonly key: string;
  readonly ref: ObjectRef;
  /** What the target has of it. */
  readonly before: KubeObject | undefined;
  /** What the tip has of it. */
  readonly after: KubeObject | undefined;
}

/** The objects in which tip and target differ. Equal fingerprints are equal manifests: nothing else is compared. */
export function pendingOf(entries: ReadonlyMap<string, Entry>, desired: readonly Desired[]): Pending[] {
  const wanted = new Set(desired.map(({ key }) => key));
  const gone = [...entries.values()].filter(({ key, removed }) => !removed && !wanted.has(key));
  const changed = desired.flatMap(({ key, hash, manifest, ignored }): Pending[] => {
    const entry = entries.get(key);
    const before = entry === undefined || entry.removed ? undefined : entry;
    if (before?.hash === hash) return [];
    const pointers = before === undefined ? [] : (ignored?.pointers ?? []);
    const [old, now] = [before?.manifest, manifest].map((one) => one && withoutPointed(one, pointers));
    return [{ key, ref: refOf(manifest), before: old, after: now }];
  });
  return [...changed, ...gone.map(({ key, ref, manifest }) => ({ key, ref, before: manifest, after: undefined }))];
}

/** What releasing the tip would change, where it would change something. */
export function viewRelease(pending: Pending | undefined): Pick<DiffView, 'release'> {
  return pending === undefined ? {} : { release: viewDifference(pending.before, pending.after) };
}

/**
 * What healing would change.
 * @param before the live object; undefined when it is gone
 * @param after what healing would make of it
 */
export function viewDrift(
  entry: Entry,
  before: KubeObject | undefined,
  after: KubeObject | undefined,
): NonNullable<DiffView['drift']> {
  return viewDifference(before, before === undefined ? entry.manifest : after);
}

/** A difference of two states, Secrets masked. */
export function viewDifference(
  before: KubeObject | undefined,
  after: KubeObject | undefined,
): NonNullable<DiffView['drift']> {
  const action = before === undefined ? 'create' : after === undefined ? 'prune' : 'update';
  const clean = (object: KubeObject | undefined): JsonObject =>
    object === undefined ? {} : withoutNoise(object, stampNames);
  const [old, now] = maskPair(clean(before), clean(after));
  const changes = compare(old, now).map(({ path, before: was, after: is }) => ({
    path,
    ...(was === undefined ? {} : { before: was }),
    ...(is === undefined ? {} : { after: is }),
  }));
  return { action, changes, patch: jsonPatch(old, now) };
}

/** What is shown of a difference to who may not see the object. */
export function hiddenDifference(ref: ObjectRef): DiffView {
  return { ...referenceOf(ref), isHidden: true };
}
