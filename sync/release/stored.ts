import { isObject, type JsonObject, objectsAt, textsAt } from '../../diff/json.ts';
import { isKubeObject } from '../types.ts';
import { type Applied, type Entry, emptyRecord, type GoodRelease, type Kept, type ReleaseRecord } from './record.ts';
import { newStanding } from './standing.ts';

/** The format that is written. A later one may add fields; what is not known is left as it is. */
const version = 2;

/** A record as it is stored. */
export interface Stored {
  readonly stored: object;
  /** How many objects it holds. */
  readonly size: number;
}

/**
 * A record as it is stored: all that is small, and of objects only what is not the same as in a base. What a commit of one
 * object costs to store does not grow with the others. Good releases share most of their objects: each is written once, in
 * `kept`, and releases name it by its place there.
 * @param base nothing, for a record that is stored whole
 */
export function writeRecord(record: ReleaseRecord, base: ReleaseRecord = emptyRecord()): Stored {
  const { entries, goods, ...rest } = record;
  const differing: Entry[] = [];
  for (const entry of entries.values()) if (!isSameEntry(base.entries.get(entry.key), entry)) differing.push(entry);
  const kept = new Map<Kept, number>();
  const told = goods.map((good) => goodDelta(base.goods, good, kept));
  const plain: object = {
    ...rest,
    entries: differing,
    gone: missing(base.entries, entries),
    goods: told,
    kept: [...kept.keys()],
  };
  return { stored: plain, size: differing.length + kept.size };
}

/**
 * A stored record.
 * @param base the one that it was written against
 * @throws Error when it can't be understood: half a record would take what is missing for what may be deleted
 */
export function readRecord(stored: JsonObject, base: ReleaseRecord = emptyRecord()): ReleaseRecord {
  requireVersion(stored);
  const { kept: _kept, gone: _gone, ...rest } = stored;
  const plain: unknown = rest;
  const record = { ...emptyRecord(), ...(plain as ReleaseRecord) };
  const kept = objectsAt(stored, 'kept').map(readKept);
  return {
    ...record,
    standing: { ...newStanding(), ...record.standing },
    entries: changed(base.entries, objectsAt(stored, 'entries').map(readEntry), textsAt(stored, 'gone')),
    goods: objectsAt(stored, 'goods').map((good) => readGood(base.goods, good, kept)),
  };
}

/** A good release by the one of the base that it is most like. */
function goodDelta(bases: readonly GoodRelease[], { release, objects }: GoodRelease, kept: Map<Kept, number>): object {
  const same = bases.findIndex((good) => good.release.sequence === release.sequence);
  const like = Math.max(same, 0);
  const before = bases[like]?.objects ?? new Map<string, Kept>();
  if (before === objects) return { release, like, objects: [], gone: [] };
  const places: number[] = [];
  for (const one of objects.values()) {
    if (before.get(one.key) === one) continue;
    const place = kept.get(one) ?? kept.size;
    kept.set(one, place);
    places.push(place);
  }
  return { release, like, objects: places, gone: missing(before, objects) };
}

function readGood(bases: readonly GoodRelease[], good: JsonObject, kept: readonly Kept[]): GoodRelease {
  const before = bases[Number(good['like'])]?.objects ?? new Map<string, Kept>();
  const places = Array.isArray(good['objects']) ? good['objects'] : [];
  const objects = places.map((place) => {
    const found = kept[Number(place)];
    if (found === undefined) throw new Error(`the record names object ${String(place)} of ${kept.length}`);
    return found;
  });
  const release: unknown = good['release'];
  return { release: release as GoodRelease['release'], objects: changed(before, objects, textsAt(good, 'gone')) };
}

function changed<T extends { readonly key: string }>(
  before: ReadonlyMap<string, T>,
  items: readonly T[],
  gone: readonly string[],
): Map<string, T> {
  const after = new Map(before);
  for (const item of items) after.set(item.key, item);
  for (const key of gone) after.delete(key);
  return after;
}

function missing(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): string[] {
  const gone: string[] = [];
  for (const key of before.keys()) if (!after.has(key)) gone.push(key);
  return gone;
}

/** A plan makes every entry anew, of the same parts: equal fingerprints are equal manifests. */
function isSameEntry(before: Entry | undefined, after: Entry): boolean {
  if (before === undefined || before === after) return before === after;
  const isSameManifest = before.manifest === after.manifest || (after.hash !== '' && after.hash === before.hash);
  return isSameManifest && isShallowlySame(before, after, madeAnew) && isSameApplied(before.applied, after.applied);
}

const madeAnew: ReadonlySet<string> = new Set(['applied', 'manifest', 'ref', 'ignored']);
const nothing: ReadonlySet<string> = new Set();

function isSameApplied(before: Applied | undefined, after: Applied | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return isShallowlySame(before, after, nothing);
}

/** Compares fields one by one, without making anything: it is done for every object at every save. */
function isShallowlySame<T extends object>(a: T, b: T, except: ReadonlySet<string>): boolean {
  for (const name in a) if (a[name] !== b[name] && !except.has(name)) return false;
  for (const name in b) if (!(name in a) && b[name] !== undefined && !except.has(name)) return false;
  return true;
}

/** @throws Error when something was stored by an agent of another time */
function requireVersion(stored: JsonObject): void {
  if (stored['version'] !== version)
    throw new Error(`the record has version ${String(stored['version'])}, not ${version}`);
}

function readEntry(item: JsonObject): Entry {
  requireNamed(item);
  const plain: unknown = { applied: undefined, ...item };
  return plain as Entry;
}

function readKept(item: JsonObject): Kept {
  requireNamed(item);
  const plain: unknown = { answer: undefined, ...item };
  return plain as Kept;
}

function requireNamed(item: JsonObject): void {
  const isNamed = typeof item['key'] === 'string' && isKubeObject(item['manifest']) && isObject(item['ref']);
  if (!isNamed) throw new Error('the record holds an object without a name');
}
