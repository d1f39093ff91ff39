import { at, objectsAt } from '../../diff/json.ts';
import { isPrunedFirst } from '../options.ts';
import type { Entry } from '../release/record.ts';
import { scaledBy } from '../scalers.ts';
import { type KubeObject, titleOf } from '../types.ts';

/** What only one object of a cluster can hold, in words: a port of all nodes, the count of a workload. */
function placesOf(manifest: KubeObject): string[] {
  const ports = manifest.kind === 'Service' ? objectsAt(manifest, 'spec', 'ports') : [];
  const scaled = scaledBy(manifest);
  return [
    ...ports.flatMap((port) => (at(port, 'nodePort') === undefined ? [] : [`nodePort ${String(port['nodePort'])}`])),
    ...(scaled === undefined ? [] : [`the count of ${scaled.replace(/^.*?\//, '')}`]),
  ];
}

/** Who holds such a place and leaves with a release: it goes only when what comes instead is verified. */
export function leavingHolders(entries: ReadonlyMap<string, Entry>): ReadonlyMap<string, Entry> {
  const holders = new Map<string, Entry>();
  for (const entry of entries.values()) {
    if (!entry.removed || isPrunedFirst(entry.manifest)) continue;
    for (const place of placesOf(entry.manifest)) holders.set(place, entry);
  }
  return holders;
}

/** Whose place an object takes, and what lets it: for whoever has only renamed it. */
export function rivalsOf({ manifest }: Entry, holders: ReadonlyMap<string, Entry>): string[] {
  if (holders.size === 0) return [];
  return placesOf(manifest).flatMap((place) => {
    const holder = holders.get(place);
    if (holder === undefined) return [];
    return [`${titleOf(holder.ref)}, which leaves, has ${place}: lockstep.dev/prune: first on it deletes it before`];
  });
}
