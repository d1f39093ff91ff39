import { isObject, type Json, type JsonObject, objectsAt } from '../../diff/json.ts';
import { isKubeObject } from '../types.ts';
import { type Entry, emptyRecord, type GoodRelease, type Kept, type ReleaseRecord } from './record.ts';
import { newStanding } from './standing.ts';

/** The format that is written. A later one may add fields; what is not known is left as it is. */
const version = 2;

/**
 * The record as it is stored. Good releases share most of their objects: each is written once, in `kept`, and releases
 * name it by its place there.
 */
export function writeRecord(record: ReleaseRecord): JsonObject {
  const { entries, goods, ...rest } = record;
  const places = new Map<Kept, number>();
  const placeOf = (kept: Kept): number => {
    const place = places.get(kept) ?? places.size;
    places.set(kept, place);
    return place;
  };
  const named = goods.map(({ release, objects }) => ({ release, objects: [...objects.values()].map(placeOf) }));
  const plain: unknown = { ...rest, entries: [...entries.values()], goods: named, kept: [...places.keys()] };
  return plain as JsonObject;
}

/**
 * A stored record.
 * @throws Error when it can't be understood: half a record would take what is missing for what may be deleted
 */
export function readRecord(stored: JsonObject): ReleaseRecord {
  requireVersion(stored);
  const { kept: _kept, ...rest } = stored;
  const plain: unknown = rest;
  const record = { ...emptyRecord(), ...(plain as ReleaseRecord) };
  return {
    ...record,
    standing: { ...newStanding(), ...record.standing },
    entries: byKey(objectsAt(stored, 'entries').map(readEntry)),
    goods: readGoods(stored),
  };
}

/** @throws Error when something was stored by an agent of another time */
export function requireVersion(stored: JsonObject): void {
  if (stored['version'] !== version)
    throw new Error(`the record has version ${String(stored['version'])}, not ${version}`);
}

function readGoods(stored: JsonObject): GoodRelease[] {
  const kept = objectsAt(stored, 'kept').map(readKept);
  return objectsAt(stored, 'goods').map((good) => {
    const places = Array.isArray(good['objects']) ? good['objects'] : [];
    const plain: unknown = good['release'];
    return { release: plain as GoodRelease['release'], objects: byKey(places.map((place) => keptAt(kept, place))) };
  });
}

function keptAt(kept: readonly Kept[], place: Json): Kept {
  const found = kept[Number(place)];
  if (found === undefined) throw new Error(`the record names object ${String(place)} of ${kept.length}`);
  return found;
}

function byKey<T extends { readonly key: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.key, item]));
}

/** An object of a stored record. @throws Error when it has no name */
export function readEntry(item: JsonObject): Entry {
  requireNamed(item);
  const plain: unknown = { applied: undefined, ...item };
  return plain as Entry;
}

/** An object of a stored good release. @throws Error when it has no name */
export function readKept(item: JsonObject): Kept {
  requireNamed(item);
  const plain: unknown = { answer: undefined, ...item };
  return plain as Kept;
}

function requireNamed(item: JsonObject): void {
  const isNamed = typeof item['key'] === 'string' && isKubeObject(item['manifest']) && isObject(item['ref']);
  if (!isNamed) throw new Error('the record holds an object without a name');
}
