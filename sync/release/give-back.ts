import { asLive, pointedInMaps } from '../../diff/ignore.ts';
import { canonicalJson, type Json, type JsonObject, objectsAt } from '../../diff/json.ts';
import { isStill, whileStill, writeEntries } from '../apply/write-entries.ts';
import { messageOf } from '../errors.ts';
import type { Turn } from '../session.ts';
import { type KubeObject, titleOf } from '../types.ts';
import type { Entry } from './record.ts';
import { applierOf } from './write.ts';

/**
 * Makes an object that was only taken over what it was before, ownership included: its values first, but for what is left
 * alone, then the entries of its managers as they were.
 * @returns what could not be given back, in words; undefined when all of it was, or the object is another one by now
 */
export async function giveBack(turn: Turn, entry: Entry): Promise<string | undefined> {
  const { cluster } = applierOf(turn);
  const { found, ref } = entry;
  if (found === undefined) return undefined;
  try {
    const live = await cluster.get(ref);
    if (live === undefined || live.metadata.uid !== found.metadata.uid) return undefined;
    const before = await whileStill(cluster, live, (still) => {
      const wanted = asLive(found, still, pointedInMaps(still, entry.ignored?.pointers ?? []));
      return cluster.patch(ref, [isStill(still), ...differences(still, wanted)], restorer);
    });
    const managers = objectsAt(found, 'metadata', 'managedFields');
    await whileStill(cluster, before, (still) => writeEntries(cluster, still, managers, restorer));
    return undefined;
  } catch (error) {
    return `${titleOf(ref)} was taken over and could not be given back: ${messageOf(error)}`;
  }
}

/** Not one of a Delivery: its entry goes with the next patch. */
const restorer = 'lockstep-restore';

/** What a person could have written: neither the status nor what the server keeps. */
function writable({
  status: _status,
  apiVersion: _version,
  kind: _kind,
  metadata,
  ...fields
}: KubeObject): Map<string, Json> {
  const places = new Map(Object.entries(fields).map(([name, value]) => [`/${name}`, value]));
  for (const name of ['labels', 'annotations', 'finalizers', 'ownerReferences']) {
    const value = metadata[name];
    if (value !== undefined) places.set(`/metadata/${name}`, value);
  }
  return places;
}

/** Whole fields are put back: their parts need no names then. */
function differences(live: KubeObject, found: KubeObject): JsonObject[] {
  const [now, then] = [writable(live), writable(found)];
  const gone = [...now.keys()].filter((path) => !then.has(path)).map((path): JsonObject => ({ op: 'remove', path }));
  const other = [...then].filter(([path, value]) => canonicalJson(now.get(path) ?? null) !== canonicalJson(value));
  return [...gone, ...other.map(([path, value]): JsonObject => ({ op: 'add', path, value }))];
}
