import { isObject, type Json, type JsonObject, objectsAt } from './json.ts';
import type { Step } from './places.ts';

/**
 * A set of paths as `fieldsV1` of managedFields writes it: a tree in which a leaf, and every node that holds `.`, is a
 * member. Source of the form: sigs.k8s.io/structured-merge-diff, fieldpath.
 */
export type FieldSet = JsonObject;

/** What one manager owns of an object. */
export interface ManagedEntry {
  readonly manager: string;
  readonly operation: string;
  readonly apiVersion: string;
  readonly fields: FieldSet;
}

/** What managers own of an object itself; what they own of a subresource is another matter. */
export function managedEntries(object: JsonObject): ManagedEntry[] {
  return objectsAt(object, 'metadata', 'managedFields').flatMap((entry) => managedEntry(entry) ?? []);
}

/** All that managers own of an object, by its `scale` too; not its status. */
export function ownedByAny(object: JsonObject, isMeant: (manager: string) => boolean): FieldSet {
  return objectsAt(object, 'metadata', 'managedFields')
    .filter(({ manager, subresource }) => subresource !== 'status' && isMeant(String(manager ?? '')))
    .reduce<FieldSet>((all, { fieldsV1 }) => (isObject(fieldsV1) ? unionOf(all, fieldsV1) : all), {});
}

function managedEntry(entry: JsonObject): ManagedEntry | undefined {
  const fields = entry['fieldsV1'];
  if (!isObject(fields) || entry['subresource']) return undefined;
  const text = (name: string): string => String(entry[name] ?? '');
  return { manager: text('manager'), operation: text('operation'), apiVersion: text('apiVersion'), fields };
}

/**
 * The `managedFields` of an object with other sets in them. What stands there of subresources stays.
 * @param setFor the set that an entry shall have; undefined takes the entry out
 */
export function withFieldSets(object: JsonObject, setFor: (entry: ManagedEntry) => FieldSet | undefined): JsonObject[] {
  return objectsAt(object, 'metadata', 'managedFields').flatMap((raw) => {
    const entry = managedEntry(raw);
    if (entry === undefined) return [raw];
    const set = setFor(entry);
    return set === undefined ? [] : [{ ...raw, fieldsV1: set }];
  });
}

/** The `managedFields` of an object, those of one version moved to another: nobody can convert what is not served. */
export function withVersion(object: JsonObject, from: string, to: string): JsonObject[] {
  return objectsAt(object, 'metadata', 'managedFields').map((entry) =>
    entry['apiVersion'] === from ? { ...entry, apiVersion: to } : entry,
  );
}

/** What a manager owns by server-side apply; nothing when it has no such entry. */
export function appliedBy(object: JsonObject, manager: string): FieldSet | undefined {
  return managedEntries(object).find((entry) => entry.manager === manager && entry.operation === 'Apply')?.fields;
}

/** The steps of a set, each with the set below it. */
export function stepsOf(set: FieldSet): [string, FieldSet][] {
  return Object.entries(set).flatMap(([name, below]): [string, FieldSet][] =>
    name === '.' ? [] : [[name, isObject(below) ? below : {}]],
  );
}

function isMember(set: FieldSet): boolean {
  return '.' in set || stepsOf(set).length === 0;
}

/** A set of a node itself, where it is a member, and of what is below it; undefined when that is nothing. */
export function madeOf(member: boolean, below: readonly (readonly [string, FieldSet])[]): FieldSet | undefined {
  if (below.length === 0) return member ? {} : undefined;
  return { ...(member ? { '.': {} } : {}), ...Object.fromEntries(below) };
}

/** The paths that are in one of two sets. */
export function unionOf(a: FieldSet, b: FieldSet): FieldSet {
  const names = new Set([...stepsOf(a), ...stepsOf(b)].map(([name]) => name));
  const below = [...names].map((name): [string, FieldSet] => {
    const [left, right] = [childOf(a, name), childOf(b, name)];
    return [name, left === undefined ? (right ?? {}) : right === undefined ? left : unionOf(left, right)];
  });
  return madeOf(isMember(a) || isMember(b), below) ?? {};
}

function childOf(set: FieldSet, name: string): FieldSet | undefined {
  const child = set[name];
  return isObject(child) ? child : undefined;
}

/** The paths of a set that another one lacks; undefined when none is left. */
export function without(set: FieldSet, other: FieldSet): FieldSet | undefined {
  const below = stepsOf(set).flatMap(([name, child]): [string, FieldSet][] => {
    const theirs = childOf(other, name);
    const rest = theirs === undefined ? child : without(child, theirs);
    return rest === undefined ? [] : [[name, rest]];
  });
  return madeOf(isMember(set) && !isMember(other), below);
}

/** The paths that two sets share; undefined when there is none. */
export function shared(a: FieldSet, b: FieldSet): FieldSet | undefined {
  const below = stepsOf(a).flatMap(([name, child]): [string, FieldSet][] => {
    const theirs = childOf(b, name);
    const both = theirs === undefined ? undefined : shared(child, theirs);
    return both === undefined ? [] : [[name, both]];
  });
  return madeOf(isMember(a) && isMember(b), below);
}

/** The members of a set as paths, whole before what is in them. */
export function pathsOf(set: FieldSet, above: readonly Step[] = []): (readonly Step[])[] {
  const own = above.length > 0 && isMember(set) ? [above] : [];
  return [...own, ...stepsOf(set).flatMap(([name, below]) => pathsOf(below, [...above, stepOf(name)]))];
}

/** The members of a set in which no others are: values, and wholes that are owned as one. */
export function leavesOf(set: FieldSet, above: readonly Step[] = []): (readonly Step[])[] {
  const below = stepsOf(set);
  if (below.length === 0) return above.length === 0 ? [] : [above];
  return below.flatMap(([name, child]) => leavesOf(child, [...above, stepOf(name)]));
}

/** The leaves of a set that are meant, with what leads to them; undefined when there is none. */
export function where(
  set: FieldSet,
  isMeant: (path: readonly Step[]) => boolean,
  above: readonly Step[] = [],
): FieldSet | undefined {
  const below = stepsOf(set);
  if (below.length === 0) return above.length > 0 && isMeant(above) ? {} : undefined;
  const meant = below.flatMap(([name, child]): [string, FieldSet][] => {
    const found = where(child, isMeant, [...above, stepOf(name)]);
    return found === undefined ? [] : [[name, found]];
  });
  return meant.length === 0 ? undefined : madeOf(isMember(set), meant);
}

/** The topmost members: what goes with a whole is not told beside it. */
export function topPathsOf(set: FieldSet, above: readonly Step[] = []): (readonly Step[])[] {
  if (above.length > 0 && isMember(set)) return [above];
  return stepsOf(set).flatMap(([name, below]) => topPathsOf(below, [...above, stepOf(name)]));
}

/** `f:name` is a key of a map, `k:{…}` an item by its keys, `v:…` an item of a set, `i:…` one by its place. */
function stepOf(name: string): Step {
  if (name.startsWith('f:')) return name.slice(2);
  const value: Json = JSON.parse(name.slice(2));
  return isObject(value) ? value : { value };
}
