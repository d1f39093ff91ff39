import { at, type Json, type JsonObject } from '../../diff/json.ts';
import { unownedAt } from '../../diff/leftovers.ts';
import { type Place, withPlaces } from '../../diff/places.ts';
import { ApiError } from '../errors.ts';
import { type Entry, healingManifest } from '../release/record.ts';
import type { Stamp } from '../stamp.ts';
import type { KubeObject } from '../types.ts';
import { type Applier, applyManifest } from './entry.ts';

/**
 * The defaults that stand in the way of a change: the API server refuses an apply because of a field that it filled in
 * itself and that nobody owns, such as `spec.strategy.rollingUpdate` beside `Recreate`. An apply alone can never drop them.
 * @returns nothing when anything else is refused too
 */
export async function defaultsInTheWay(applier: Applier, entry: Entry, error: unknown): Promise<Place[]> {
  if (!(error instanceof ApiError) || error.causes.length === 0 || entry.applied === undefined) return [];
  const live = await applier.cluster.get(entry.ref);
  if (live === undefined) return [];
  const places = error.causes.map(({ field }) => {
    const path = field.split('.');
    return { path, value: unownedAt(live, path), isAsked: at(entry.manifest, ...path) !== undefined };
  });
  if (places.some(({ value, isAsked }) => value === undefined || isAsked)) return [];
  return places.map(({ path, value }) => ({ path, value: value ?? null }));
}

/**
 * Tries a change without the defaults in its way.
 * @throws ApiError when it is refused all the same
 */
export function tryWithout(applier: Applier, entry: Entry, places: readonly Place[]): Promise<KubeObject> {
  const without = withPlaces<JsonObject>(
    entry.manifest,
    places.map(({ path }) => ({ path, value: null as Json })),
  );
  return applier.cluster.tryMerge(entry.ref, without);
}

/**
 * Makes values ours, by sending what was applied last together with them: nothing changes, but now they can be dropped.
 * @param last the manifest that was applied last
 */
export async function claim(
  applier: Applier,
  entry: Entry,
  places: readonly Place[],
  stamp: Stamp,
  last: KubeObject = healingManifest(entry),
): Promise<void> {
  if (places.length === 0) return;
  await applyManifest(applier, entry, withPlaces(last, places), { stamp, dryRun: false });
}
