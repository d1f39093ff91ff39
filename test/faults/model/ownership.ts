import {
  appliedBy,
  type FieldSet,
  leavesOf,
  type ManagedEntry,
  managedEntries,
  shared,
  unionOf,
  without,
} from '../../../diff/field-sets.ts';
import { canonicalJson, isObject, type Json, type JsonObject } from '../../../diff/json.ts';
import { type Place, pathText, placesAt, type Step, valueAt, withoutPlaces, withPlaces } from '../../../diff/places.ts';
import type { KubeObject } from '../../../sync/types.ts';

/** Who changes an object, and how. */
export interface Hand {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
}

/** A field that somebody else has. */
export interface Clash {
  readonly field: string;
  readonly manager: string;
}

const identity = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'managedFields',
]);

/** The fields that an object names, as server-side apply counts them: maps by key, lists of named items by name. */
function fieldsOf({ apiVersion: _version, kind: _kind, metadata, status: _status, ...rest }: KubeObject): FieldSet {
  const about = Object.fromEntries(
    Object.entries(metadata).filter(([name, value]) => !identity.has(name) && isObject(value)),
  );
  return below({ ...rest, ...(Object.keys(about).length === 0 ? {} : { metadata: about }) });
}

function below(value: Json): FieldSet {
  if (Array.isArray(value)) return itemsIn(value);
  if (!isObject(value)) return {};
  // The selector of a workload is one thing.
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [`f:${key}`, key === 'selector' ? {} : below(inner)]),
  );
}

/** A list whose items have no names is owned as one. */
function itemsIn(list: readonly Json[]): FieldSet {
  const names = list.map((item) => (isObject(item) && typeof item['name'] === 'string' ? item['name'] : undefined));
  if (list.length === 0 || names.includes(undefined)) return {};
  return Object.fromEntries(
    list.map((item, index) => [`k:${JSON.stringify({ name: names[index] })}`, { '.': {}, ...below(item) }]),
  );
}

/** The object after a server-side apply; or the fields that others have, where they are not to be taken. */
export function applied(
  live: KubeObject | undefined,
  manifest: KubeObject,
  manager: string,
  force: boolean,
): { readonly object: KubeObject } | { readonly clashes: readonly Clash[] } {
  const set = fieldsOf(manifest);
  if (live === undefined) {
    const { uid: _uid, ...metadata } = manifest.metadata;
    return { object: withEntries({ ...manifest, metadata }, [entryOf(manager, 'Apply', manifest, set)]) };
  }
  const others = managedEntries(live).filter((entry) => !(entry.manager === manager && entry.operation === 'Apply'));
  const clashes = others.flatMap((entry) => clashesWith(entry, set, live, manifest));
  if (clashes.length > 0 && !force) return { clashes };
  const before = appliedBy(live, manager) ?? {};
  const dropped = leavesOf(without(before, set) ?? {}).filter(
    (path) => !others.some(({ fields }) => owns(fields, path)),
  );
  const values: Place[] = placesAt(manifest, leavesOf(set));
  const object = withPlaces(withoutPlaces(live, dropped), values);
  const taken = clashes.length === 0 ? {} : set;
  const rest = others.map((entry) => ({ ...entry, fields: minusChanged(entry.fields, taken, live, manifest) }));
  return { object: withEntries(object, [...rest, entryOf(manager, 'Apply', manifest, set)]) };
}

function owns(fields: FieldSet, path: readonly Step[]): boolean {
  return leavesOf(fields).some((one) => pathText(one) === pathText(path));
}

function clashesWith(
  { manager, fields }: ManagedEntry,
  set: FieldSet,
  live: KubeObject,
  manifest: KubeObject,
): Clash[] {
  return leavesOf(shared(fields, set) ?? {})
    .filter((path) => isOther(path, live, manifest))
    .map((path) => ({ field: pathText(path), manager }));
}

function isOther(path: readonly Step[], live: JsonObject, manifest: JsonObject): boolean {
  return canonicalJson(valueAt(live, path) ?? null) !== canonicalJson(valueAt(manifest, path) ?? null);
}

/** What is left of a set when the values of others are put in place of some of it. */
function minusChanged(fields: FieldSet, set: FieldSet, live: KubeObject, manifest: KubeObject): FieldSet {
  const changed = leavesOf(shared(fields, set) ?? {}).filter((path) => isOther(path, live, manifest));
  return changed.reduce<FieldSet>((left, path) => without(left, setOf(path)) ?? {}, fields);
}

function setOf(path: readonly Step[]): FieldSet {
  const [step, ...rest] = path;
  if (step === undefined) return {};
  const name = typeof step === 'string' ? `f:${step}` : `k:${JSON.stringify(step)}`;
  return { [name]: setOf(rest) };
}

/** The object after somebody wrote it as a whole or in part: what they changed is theirs. */
export function updated(live: KubeObject | undefined, object: KubeObject, manager: string): KubeObject {
  const [before, after] = [live === undefined ? {} : fieldsOf(live), fieldsOf(object)];
  const changed = leavesOf(after).filter((path) => live === undefined || isOther(path, live, object));
  const gone = leavesOf(without(before, after) ?? {});
  const theirs = changed.reduce<FieldSet>((set, path) => unionOf(set, setOf(path)), {});
  const lost = [...changed, ...gone].reduce<FieldSet>((set, path) => unionOf(set, setOf(path)), {});
  // Who writes managedFields says who owns what; only what they changed beside it is theirs.
  const isSaid = live !== undefined && canonicalJson(managedOf(live)) !== canonicalJson(managedOf(object));
  const entries = managedEntries(isSaid ? object : (live ?? object));
  const isTheirs = (entry: ManagedEntry): boolean => entry.manager === manager && entry.operation === 'Update';
  const own = entries.find(isTheirs)?.fields ?? {};
  const rest = entries
    .filter((entry) => !isTheirs(entry))
    .map((entry) => ({ ...entry, fields: without(entry.fields, lost) ?? {} }));
  const kept = unionOf(without(own, lost) ?? {}, theirs);
  return withEntries(object, [...rest, entryOf(manager, 'Update', object, kept)]);
}

function managedOf(object: KubeObject): Json {
  return object.metadata['managedFields'] ?? [];
}

function entryOf(
  manager: string,
  operation: Hand['operation'],
  { apiVersion }: KubeObject,
  fields: FieldSet,
): ManagedEntry {
  return { manager, operation, apiVersion, fields };
}

function withEntries(object: KubeObject, entries: readonly ManagedEntry[]): KubeObject {
  const managedFields = entries
    .filter(({ fields }) => Object.keys(fields).length > 0)
    .map(({ manager, operation, apiVersion, fields }) => ({
      manager,
      operation,
      apiVersion,
      fieldsType: 'FieldsV1',
      fieldsV1: fields,
    }));
  return { ...object, metadata: { ...object.metadata, managedFields } };
}
