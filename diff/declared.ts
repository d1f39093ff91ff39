import { appliedBy, managedEntries, pathsOf } from './field-sets.ts';
import { canonicalJson, isObject, type Json, type JsonObject, ownValue } from './json.ts';
import { isSameOrder, itemsByKey, listKeys, sharedNames } from './lists.ts';
import { isBuiltIn } from './normalize.ts';
import { names, pathText, type Step, valueAt, withoutPlaces } from './places.ts';
import { holdsQuantity, isSameQuantity } from './quantity.ts';

/**
 * What a live object would be if it were as a manifest says, as far as that can be told without the API server: what the
 * manifest names has its value, what the manager named in `own` owns and the manifest does not name is gone, and all else,
 * defaults among it, stays as it is. Values that only look different (`1000m` and `1`) stay too.
 */
export function asDeclared(live: JsonObject, manifest: JsonObject, own: string | undefined): JsonObject {
  const merged = merge(live, manifest, [], isBuiltIn(manifest['apiVersion'])) as JsonObject;
  const mine = own === undefined ? undefined : appliedBy(live, own);
  const dropped = mine === undefined ? [] : pathsOf(mine).filter((path) => !names(manifest, path));
  return withoutPlaces(merged, dropped);
}

function merge(live: Json | undefined, wanted: Json, path: readonly string[], isKnown: boolean): Json {
  if (isObject(live) && isObject(wanted)) return mergeMaps(live, wanted, path, isKnown);
  if (Array.isArray(live) && Array.isArray(wanted)) return mergeLists(live, wanted, path, isKnown);
  const isSame = live !== undefined && isKnown && holdsQuantity(path) && isSameQuantity(live, wanted);
  return isSame ? live : wanted;
}

function mergeMaps(live: JsonObject, wanted: JsonObject, path: readonly string[], isKnown: boolean): JsonObject {
  const merged: JsonObject = { ...live };
  for (const [key, value] of Object.entries(wanted)) {
    // Kinds of Kubernetes itself drop what is empty.
    const isDropped = isKnown && isEmpty(value) && ownValue(live, key) === undefined;
    if (value === null) delete merged[key];
    else if (!isDropped) merged[key] = merge(ownValue(live, key), value, [...path, key], isKnown);
  }
  return merged;
}

function isEmpty(value: Json): boolean {
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

function mergeLists(live: Json[], wanted: Json[], path: readonly string[], isKnown: boolean): Json[] {
  const keys = listKeys([live, wanted]);
  if (keys === undefined) return isSameSet(live, wanted, path) ? live : wanted;
  const [old, now] = [itemsByKey(live, keys), itemsByKey(wanted, keys)];
  const merged = new Map([...now].map(([name, item]) => [name, merge(old.get(name), item, path, isKnown)]));
  const kept = [...old].map(([name, item]) => [name, merged.get(name) ?? item] as const);
  const ours = sharedNames(now, old).map((name) => [name, merged.get(name) ?? null] as const);
  // Others may have items between ours: only the order of our own ones counts.
  const inOrder = isSameOrder(old, now) ? kept : [...ours, ...kept.filter(([name]) => !now.has(name))];
  return [...inOrder, ...[...merged].filter(([name]) => !old.has(name))].map(([, item]) => item);
}

/** Finalizers are a set: others may have theirs in it. */
function isSameSet(live: readonly Json[], wanted: readonly Json[], path: readonly string[]): boolean {
  if (path.at(-1) !== 'finalizers') return canonicalJson([...live]) === canonicalJson([...wanted]);
  return wanted.every((one) => live.includes(one));
}

/** A field that somebody else keeps in the midst of ours. */
export interface ForeignField {
  readonly path: string;
  readonly manager: string;
}

/**
 * What others keep where a manifest names the whole around it: a label among ours, an environment variable between ours.
 * It is no drift, as nobody else's field is ours to take away. What Kubernetes itself writes is not told.
 */
export function foreignIn(live: JsonObject, manifest: JsonObject, own: string): ForeignField[] {
  const found = new Map<string, ForeignField>();
  const others = managedEntries(live).filter(({ manager }) => manager !== own && !manager.startsWith('kube-'));
  for (const { manager, fields } of others) {
    for (const path of pathsOf(fields)) {
      const isAmong = path.length > 1 && names(manifest, path.slice(0, -1)) && isWhole(manifest, path.slice(0, -1));
      if (!isAmong || names(manifest, path) || valueAt(live, path) === undefined || isNote(path)) continue;
      found.set(`${manager} ${pathText(path)}`, { path: pathText(path), manager });
    }
  }
  return [...found.values()];
}

/** Whether a manifest holds a map or a list there: what is in it is for it to say. */
function isWhole(manifest: JsonObject, path: readonly Step[]): boolean {
  const value = valueAt(manifest, path);
  return isObject(value) || Array.isArray(value);
}

/** kubectl's own note of what it applied last. */
function isNote(path: readonly Step[]): boolean {
  return path.at(-1) === 'kubectl.kubernetes.io/last-applied-configuration' || path[0] === 'status';
}
