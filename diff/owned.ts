import { appliedBy } from './field-sets.ts';
import { hashText } from './hash.ts';
import { canonicalJson, isObject, type Json, type JsonObject } from './json.ts';
import { possibleKeys } from './lists.ts';

/**
 * Folds what one field manager owns by server-side apply. Defaults, other managers' fields and list items of others
 * between ours do not change it; every change to a value or to the ownership of a path of ours does.
 * @param live the object as the API server answered it, with managedFields
 * @param manager the name of the field manager
 * @param sentEmpty the paths (as `pathsSentEmpty` makes them) where an empty map or list was sent: presence counts only
 * @returns a hash over the owned paths, the values at them, and the order of our own list items; undefined when the
 *   manager has no entry, so that nothing of ours is left in the object
 */
export function ownedBy(live: JsonObject, manager: string, sentEmpty: readonly string[]): string | undefined {
  const fields = appliedBy(live, manager);
  if (fields === undefined) return undefined;
  const walk: Walk = { values: [], sentEmpty: new Set(sentEmpty) };
  visit(live, fields, '', walk);
  return hashText(walk.values.join('\n'));
}

interface Walk {
  readonly values: string[];
  readonly sentEmpty: ReadonlySet<string>;
}

function visit(value: Json | undefined, fields: JsonObject, path: string, walk: Walk): void {
  const names = Object.keys(fields).filter((name) => name !== '.');
  if (names.length === 0) {
    walk.values.push(`${path}=${leafValue(value, path, walk.sentEmpty, '.' in fields)}`);
    return;
  }
  const positions = new Map(
    names.filter((name) => !name.startsWith('f:')).map((name) => [name, positionOf(value, name)]),
  );
  if (positions.size > 1) walk.values.push(`${path}#${Array.isArray(value) ? inOrder(positions).join(',') : ''}`);
  for (const name of names.sort()) {
    const below = fields[name];
    visit(child(value, name, positions.get(name)), isObject(below) ? below : {}, `${path}/${name}`, walk);
  }
}

function leafValue(value: Json | undefined, path: string, sentEmpty: ReadonlySet<string>, presence: boolean): string {
  if (value === undefined) return 'absent';
  if (sentEmpty.has(path) || (presence && typeof value === 'object')) return 'present';
  return canonicalJson(value);
}

/** Follows one step of a fieldsV1 path: `f:name` into a map, all others to a position in a list. */
function child(value: Json | undefined, step: string, position: number | undefined): Json | undefined {
  if (position === undefined) return isObject(value) ? value[step.slice(2)] : undefined;
  return Array.isArray(value) ? value[position] : undefined;
}

/** Where the item of a step such as `k:{"name":"web"}`, `v:"value"` or `i:0` stands in a list; -1 when it does not. */
function positionOf(list: Json | undefined, step: string): number {
  if (!Array.isArray(list)) return -1;
  const wanted: Json = JSON.parse(step.slice(2));
  if (step.startsWith('i:')) return Number(wanted);
  if (step.startsWith('v:')) return list.findIndex((item) => canonicalJson(item) === canonicalJson(wanted));
  if (!isObject(wanted)) return -1;
  const keys = Object.keys(wanted);
  return list.findIndex((item) => isObject(item) && keys.every((key) => item[key] === wanted[key]));
}

/** Our items in the order in which they stand in the live list: others between them do not matter. */
function inOrder(positions: ReadonlyMap<string, number>): string[] {
  return [...positions].sort(([, a], [, b]) => a - b).map(([step]) => step);
}

/** The paths, in the form that `ownedBy` uses, at which a manifest holds an empty map or list. */
export function pathsSentEmpty(manifest: JsonObject): string[] {
  const found: string[] = [];
  collectEmpty(manifest, '', found);
  return found;
}

function collectEmpty(value: Json, path: string, found: string[]): void {
  if (Array.isArray(value)) {
    if (value.length === 0) found.push(path);
    for (const item of value) if (isObject(item)) collectInItem(item, path, found);
    return;
  }
  if (!isObject(value)) return;
  const keys = Object.keys(value);
  if (keys.length === 0) found.push(path);
  for (const key of keys) collectEmpty(value[key] ?? null, `${path}/f:${key}`, found);
}

/** A list item's step depends on the list's keys, which only the server knows: the common ones are tried. */
function collectInItem(item: JsonObject, path: string, found: string[]): void {
  const below: string[] = [];
  collectEmpty(item, '', below);
  if (below.length === 0) return;
  for (const key of possibleKeys(item)) found.push(...below.map((rest) => `${path}/k:${JSON.stringify(key)}${rest}`));
}
