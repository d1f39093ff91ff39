import { at, canonicalJson, isObject, type Json, type JsonObject, objectsAt, ownValue } from './json.ts';
import { keyOfItem, listKeys } from './lists.ts';
import type { Place, Step } from './places.ts';

/** How a live object differs from what it once was, where only the server or we decide. */
export interface Leftovers {
  /** It is there and was not: with the value that it has now. */
  readonly added: readonly Place[];
  /** It is gone, or has another value: with the value that it had. */
  readonly lost: readonly Place[];
  /** Differences that another manager owns. */
  readonly foreign: readonly Foreign[];
}

/** A place that another manager keeps as it is. */
export interface Foreign {
  readonly path: readonly Step[];
  readonly manager: string;
}

/**
 * Compares a live object with the answer that an apply of the same manifest got once. Both are without status and noise.
 * @param managed the live object with its managedFields
 * @param own the name of our field manager
 */
export function leftovers(live: JsonObject, answer: JsonObject, managed: JsonObject, own: string): Leftovers {
  const owners: Owner[] = objectsAt(managed, 'metadata', 'managedFields')
    .filter((entry) => entry['manager'] !== own && entry['subresource'] !== 'status' && isObject(entry['fieldsV1']))
    .map((entry) => ({ manager: String(entry['manager'] ?? ''), fields: entry['fieldsV1'] as JsonObject }));
  const found: Found = { added: [], lost: [], foreign: [] };
  visit(live, answer, { path: [], owners, found });
  return found;
}

interface Owner {
  readonly manager: string;
  readonly fields: JsonObject;
}

interface Found {
  readonly added: Place[];
  readonly lost: Place[];
  readonly foreign: Foreign[];
}

interface Walk {
  readonly path: readonly Step[];
  /** Who else owns something at this path or below. */
  readonly owners: readonly Owner[];
  readonly found: Found;
}

function visit(live: Json | undefined, answer: Json | undefined, walk: Walk): void {
  if (isObject(live) && isObject(answer)) {
    for (const key of new Set([...Object.keys(live), ...Object.keys(answer)]))
      visit(
        ownValue(live, key),
        ownValue(answer, key),
        below(walk, key, (name) => name === `f:${key}`),
      );
    return;
  }
  if (Array.isArray(live) && Array.isArray(answer)) {
    visitLists(live, answer, walk);
    return;
  }
  if (live !== undefined && answer !== undefined && canonicalJson(live) === canonicalJson(answer)) return;
  note(live, answer, walk);
}

function visitLists(live: readonly Json[], answer: readonly Json[], walk: Walk): void {
  const keys = listKeys([live, answer]);
  if (keys === undefined) {
    if (canonicalJson([...live]) !== canonicalJson([...answer])) note([...live], [...answer], walk);
    return;
  }
  const nameOf = (item: Json): string => canonicalJson(keyOfItem(item, keys));
  const [now, then] = [
    new Map(live.map((item) => [nameOf(item), item])),
    new Map(answer.map((item) => [nameOf(item), item])),
  ];
  for (const name of new Set([...now.keys(), ...then.keys()])) {
    const step = keyOfItem(now.get(name) ?? then.get(name) ?? null, keys);
    visit(
      now.get(name),
      then.get(name),
      below(walk, step, (field) => namesItem(field, step)),
    );
  }
}

/** A difference belongs to whoever owns it. What is owned only further down is theirs there, and not looked at. */
function note(live: Json | undefined, answer: Json | undefined, { path, owners, found }: Walk): void {
  const [owner] = owners;
  if (owner !== undefined) found.foreign.push({ path, manager: owner.manager });
  else if (answer !== undefined) found.lost.push({ path, value: answer });
  else if (live !== undefined) found.added.push({ path, value: live });
}

function below(walk: Walk, step: Step, fits: (name: string) => boolean): Walk {
  const owners = walk.owners.flatMap(({ manager, fields }): Owner[] => {
    const names = Object.keys(fields).filter((name) => name !== '.');
    // A leaf without steps below it is owned as a whole.
    if (names.length === 0) return [{ manager, fields: {} }];
    const name = names.find(fits);
    const inner = name === undefined ? undefined : fields[name];
    return isObject(inner) ? [{ manager, fields: inner }] : [];
  });
  return { path: [...walk.path, step], owners, found: walk.found };
}

/** Whether a step of fieldsV1 such as `k:{"name":"web"}` names an item. */
function namesItem(field: string, step: JsonObject): boolean {
  if (!field.startsWith('k:')) return false;
  const wanted: Json = JSON.parse(field.slice(2));
  return (
    isObject(wanted) && Object.entries(wanted).every(([key, value]) => step[key] === undefined || step[key] === value)
  );
}

/**
 * The value at a path of map keys that no manager owns, neither it nor anything below: a default of the server.
 * @param live an object with its managedFields
 */
export function unownedAt(live: JsonObject, path: readonly string[]): Json | undefined {
  const isOwned = objectsAt(live, 'metadata', 'managedFields').some(({ fieldsV1 }) => {
    let here: Json | undefined = fieldsV1;
    for (const key of path) {
      // A manager that owns a whole owns all that is in it.
      if (isObject(here) && Object.keys(here).every((name) => name === '.')) return true;
      here = isObject(here) ? here[`f:${key}`] : undefined;
      if (here === undefined) return false;
    }
    return true;
  });
  return isOwned ? undefined : at(live, ...path);
}
