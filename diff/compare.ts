import { canonicalJson, isObject, type Json, type JsonObject, ownValue, toJson } from './json.ts';
import { isSameOrder, itemsByKey, listKeys, sharedNames } from './lists.ts';

/** One difference between two states of an object. A side that lacks the value is undefined. */
export interface Change {
  /** The path as people write it: `spec.template.spec.containers[web].image`. */
  readonly path: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** The differences from one object to another, list items matched by their keys. Both must be masked already. */
export function compare(before: JsonObject, after: JsonObject): Change[] {
  const changes: Change[] = [];
  visit(before, after, '', changes);
  return changes;
}

function visit(before: Json | undefined, after: Json | undefined, path: string, changes: Change[]): void {
  if (before === after) return;
  if (isObject(before) && isObject(after)) visitMaps(before, after, path, changes);
  else if (Array.isArray(before) && Array.isArray(after)) visitLists(before, after, path, changes);
  else if (!isSame(before, after)) changes.push({ path, before, after });
}

function isSame(before: Json | undefined, after: Json | undefined): boolean {
  return before !== undefined && after !== undefined && canonicalJson(before) === canonicalJson(after);
}

function visitMaps(before: JsonObject, after: JsonObject, path: string, changes: Change[]): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    visit(ownValue(before, key), ownValue(after, key), step(path, key), changes);
  }
}

function step(path: string, key: string): string {
  if (/^[A-Za-z_][\w-]*$/.test(key)) return path === '' ? key : `${path}.${key}`;
  return `${path}[${key}]`;
}

function visitLists(before: Json[], after: Json[], path: string, changes: Change[]): void {
  const keys = listKeys([before, after]);
  if (keys === undefined) {
    if (canonicalJson(before) !== canonicalJson(after)) changes.push({ path, before, after });
    return;
  }
  const [old, now] = [itemsByKey(before, keys), itemsByKey(after, keys)];
  for (const name of new Set([...old.keys(), ...now.keys()]))
    visit(old.get(name), now.get(name), `${path}[${name}]`, changes);
  if (!isSameOrder(old, now))
    changes.push({ path: `${path} (order)`, before: sharedNames(old, now), after: sharedNames(now, old) });
}

/** One line a change: `spec.replicas: 1 → 3`. Long values are cut to where they differ. */
export function changeLine(change: Change): string {
  const { path, before, after } = change;
  const [was, is] = [shown(before), shown(after)];
  return was === is ? `${path}: ${exactly(before, after)} → ${exactly(after, before)}` : `${path}: ${was} → ${is}`;
}

/** Text and a number may look the same: then it is the type that differs. Long values differ further on. */
function exactly(value: Json | undefined, other: Json | undefined): string {
  const [text, against] = [value, other].map((one) => (one === undefined ? '(none)' : toJson(one)));
  if (text === undefined || against === undefined || text.length <= mostShown) return text ?? '';
  const from = Math.max(0, [...text].findIndex((letter, index) => letter !== against[index]) - 20);
  const end = from + mostShown - 6;
  return `${from > 0 ? '...' : ''}${text.slice(from, end)}${end < text.length ? '...' : ''}`;
}

const mostShown = 80;

function shown(value: Json | undefined): string {
  if (value === undefined) return '(none)';
  const text = typeof value === 'string' ? value : toJson(value);
  return text.length > mostShown ? `${text.slice(0, mostShown - 3)}...` : text;
}
