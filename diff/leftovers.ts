import { at, canonicalJson, isObject, type Json, type JsonObject, objectsAt } from './json.ts';

/** A step into an object: the key of a map, or the fields that name the item of a list. */
export type Step = string | JsonObject;

/** A value at a path of steps. */
export interface Place {
  readonly path: readonly Step[];
  readonly value: Json;
}

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
        live[key],
        answer[key],
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
  const nameOf = (item: Json): string => canonicalJson(pick(item, keys));
  const [now, then] = [
    new Map(live.map((item) => [nameOf(item), item])),
    new Map(answer.map((item) => [nameOf(item), item])),
  ];
  for (const name of new Set([...now.keys(), ...then.keys()])) {
    const step = pick(now.get(name) ?? then.get(name) ?? null, keys);
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

const keySets = [
  ['containerPort', 'protocol'],
  ['port', 'protocol'],
  ['mountPath'],
  ['devicePath'],
  ['name'],
  ['topologyKey', 'whenUnsatisfiable'],
  ['key', 'effect'],
  ['type'],
  ['ip'],
  ['uid'],
] as const;

/** The fields that tell the items of a list apart: present in each item, and different from item to item. */
function listKeys(lists: readonly (readonly Json[])[]): readonly string[] | undefined {
  const items = lists.flat();
  if (items.length === 0 || !items.every(isObject)) return undefined;
  const isTold = (keys: readonly string[]): boolean => items.every((item) => keys.every((key) => isPlain(item[key])));
  const isUnique = (keys: readonly string[]): boolean =>
    lists.every((list) => new Set(list.map((item) => canonicalJson(pick(item, keys)))).size === list.length);
  return keySets.find((keys) => isTold(keys) && isUnique(keys));
}

function isPlain(value: Json | undefined): boolean {
  return typeof value === 'string' || typeof value === 'number';
}

function pick(item: Json, keys: readonly string[]): JsonObject {
  if (!isObject(item)) return {};
  return Object.fromEntries(keys.flatMap((key) => (item[key] === undefined ? [] : [[key, item[key]]])));
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

/** Whether an object names a place: has a value there, or a whole that holds it. */
export function names(object: JsonObject, path: readonly Step[]): boolean {
  let here: Json | undefined = object;
  for (const step of path) {
    if (typeof step === 'string' && isObject(here)) here = here[step];
    else if (typeof step !== 'string' && Array.isArray(here)) here = here.find((item) => isCalled(item, step));
    else break;
  }
  return here !== undefined;
}

/**
 * Places as they can be sent with a manifest: where it lacks a list, one value in it can't be sent alone, so that it is
 * the whole list as the answer had it.
 */
export function sendable(places: readonly Place[], manifest: JsonObject, answer: JsonObject): Place[] {
  const whole = new Map<string, Place>();
  for (const place of places) {
    const list = place.path.findIndex((step) => typeof step !== 'string');
    const path = list < 0 || names(manifest, place.path.slice(0, list)) ? place.path : place.path.slice(0, list);
    const value = path === place.path ? place.value : at(answer, ...(path as string[]));
    if (value !== undefined) whole.set(pathText(path), { path, value });
  }
  return [...whole.values()];
}

function isCalled(item: Json, step: JsonObject): boolean {
  return (
    isObject(item) && Object.entries(step).every(([key, wanted]) => item[key] === undefined || item[key] === wanted)
  );
}

/** A path as people write it: `spec.template.spec.containers[web].image`. */
export function pathText(path: readonly Step[]): string {
  return path
    .map((step, index) => {
      if (typeof step !== 'string') return `[${Object.values(step).join('/')}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}

/** An object with values put at places. Maps and list items on the way are made where they are missing. */
export function withPlaces<T extends JsonObject>(object: T, places: readonly Place[]): T {
  return places.reduce((so_far, { path, value }) => put(so_far, path, value) as T, object);
}

function put(here: Json | undefined, path: readonly Step[], value: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof step === 'string') {
    const map = isObject(here) ? here : {};
    return { ...map, [step]: put(map[step], rest, value) };
  }
  const list = Array.isArray(here) ? here : [];
  const index = list.findIndex((item) => isCalled(item, step));
  if (index < 0) return [...list, put(step, rest, value)];
  return list.map((item, at) => (at === index ? put(item, rest, value) : item));
}
