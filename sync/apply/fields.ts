import {
  appliedBy,
  type FieldSet,
  type ManagedEntry,
  managedEntries,
  pathsOf,
  shared,
  topPathsOf,
  unionOf,
  withFieldSets,
  without,
} from '../../diff/field-sets.ts';
import { at, isObject, type JsonObject, parseJson, textAt } from '../../diff/json.ts';
import { names, pathText, type Step, valueAt } from '../../diff/places.ts';
import { isMerged } from '../options.ts';
import { fieldManager } from '../stamp.ts';
import type { KubeObject } from '../types.ts';
import type { Applier } from './entry.ts';
import { isDeclaring, isHandTool } from './filters/conflicts.ts';
import { whileStill, writeEntries } from './write-entries.ts';

/** What an object's other managers mean for what we apply to it. */
export interface Ownership {
  /** What a tool declared before, and Git does not: it goes when the object is taken over. */
  readonly leaving: readonly (readonly Step[])[];
  /** What goes as well, and comes back where it is a default: who creates an object owns its defaults too. */
  readonly doubtful: readonly (readonly Step[])[];
  /** What we no longer ask for, and another manager keeps. */
  readonly kept: readonly string[];
}

/**
 * What becomes of fields that are not in Git, when an object is applied.
 * @param live the object as it is, with managedFields
 * @param answer what the apply makes of it
 * @param isTakenOver whether it was not ours before
 */
export function ownershipOf(live: KubeObject, answer: KubeObject, uid: string, isTakenOver: boolean): Ownership {
  const own = fieldManager(uid);
  const before = appliedBy(live, own);
  const after = appliedBy(answer, own) ?? {};
  const others = managedEntries(answer).filter(({ manager }) => manager !== own);
  if (isTakenOver) return { ...leavingOf(live, answer, after, others), kept: [] };
  const removed = before === undefined ? undefined : without(before, after);
  if (removed === undefined) return { leaving: [], doubtful: [], kept: [] };
  const kept = others
    .filter(({ manager }) => !isHandTool(manager))
    .flatMap(({ manager, fields }) => {
      const both = shared(removed, fields);
      return both === undefined ? [] : topPathsOf(both).map((path) => `${pathText(path)} is kept by ${manager}`);
    });
  return { leaving: [], doubtful: [], kept };
}

function leavingOf(
  live: KubeObject,
  answer: KubeObject,
  own: FieldSet,
  others: readonly ManagedEntry[],
): Pick<Ownership, 'leaving' | 'doubtful'> {
  const declared = declaredIn(answer, others);
  const alone =
    declared === undefined
      ? undefined
      : without(without(declared, own) ?? {}, allOf(others.filter((entry) => !isDeclaring(entry))));
  if (alone === undefined) return { leaving: [], doubtful: [] };
  // A map or an item stays as long as we own something in it.
  const held = new Set(pathsOf(own).flatMap((path) => path.map((_step, index) => pathText(path.slice(0, index)))));
  const isGoing = (path: readonly Step[]): boolean => valueAt(answer, path) !== undefined && !held.has(pathText(path));
  const going = topmost(pathsOf(alone).filter(isGoing));
  const isSure = declaredFor(live, others);
  return { leaving: going.filter(isSure), doubtful: going.filter((path) => !isSure(path)) };
}

function allOf(entries: readonly ManagedEntry[]): FieldSet {
  return entries.reduce<FieldSet>((all, { fields }) => unionOf(all, fields), {});
}

/** Paths without those that lie in another one of them. */
function topmost(paths: readonly (readonly Step[])[]): (readonly Step[])[] {
  const texts = new Set(paths.map(pathText));
  return paths.filter((path) => !path.some((_step, index) => texts.has(pathText(path.slice(0, index)))));
}

/**
 * Tells what was really asked for. Who applies by the server owns just that; `kubectl apply` has noted it; of all others it
 * is not known, as they own the defaults of what they created too.
 */
function declaredFor(live: KubeObject, others: readonly ManagedEntry[]): (path: readonly Step[]) => boolean {
  const applied = others.filter((entry) => isDeclaring(entry) && entry.operation === 'Apply');
  const known = applied.flatMap(({ fields }) => pathsOf(fields).map(pathText));
  const note = lastApplied(live);
  return (path) => known.includes(pathText(path)) || (note !== undefined && names(note, path));
}

function lastApplied(live: KubeObject): JsonObject | undefined {
  const text = textAt(live, 'metadata', 'annotations', 'kubectl.kubernetes.io/last-applied-configuration');
  try {
    const note = text === undefined ? undefined : parseJson(text);
    return isObject(note) ? note : undefined;
  } catch {
    return undefined;
  }
}

/** What tools that declare whole objects own, as far as it may be taken from them. */
function declaredIn(object: KubeObject, entries: readonly ManagedEntry[]): FieldSet | undefined {
  const declaring = entries.filter((entry) => isTakenFrom(object, entry));
  return declaring.length === 0 ? undefined : allOf(declaring);
}

function isTakenFrom({ apiVersion }: KubeObject, entry: ManagedEntry): boolean {
  return isDeclaring(entry) && entry.apiVersion === apiVersion;
}

/** The count that an autoscaler may move: left out, it would fall back to one. It stays as it is. */
const replicas: FieldSet = { 'f:spec': { 'f:replicas': {} } };

/**
 * Before an object is applied that tools such as `kubectl apply` or Helm had declared: what they own becomes ours, so that
 * fields that are not in Git go with the apply, as those tools themselves would have done.
 */
export async function takeFields({ cluster, uid }: Applier, live: KubeObject, manifest: KubeObject): Promise<void> {
  const own = fieldManager(uid);
  const entries = managedEntries(live);
  const declared = entries.some((entry) => entry.manager === own) ? undefined : declaredIn(live, entries);
  if (declared === undefined || isMerged(manifest)) return;
  const stays = at(manifest, 'spec', 'replicas') === undefined ? shared(declared, replicas) : undefined;
  const taken = stays === undefined ? declared : without(declared, stays);
  const others = withFieldSets(live, (entry) => {
    if (!isTakenFrom(live, entry)) return entry.fields;
    return stays === undefined ? undefined : shared(entry.fields, stays);
  });
  const ours = {
    manager: own,
    operation: 'Apply',
    apiVersion: live.apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: taken ?? {},
  };
  await writeEntries(cluster, live, [...others, ours]);
}

/**
 * After an apply: what we own as well is taken off the tools by which people change things by hand, or it would stay when
 * it leaves Git.
 * @returns the object as it is then
 */
export async function dropHands(
  { cluster, uid }: Applier,
  object: KubeObject,
  manifest: KubeObject,
): Promise<KubeObject> {
  if (isMerged(manifest)) return object;
  return whileStill(cluster, object, async (still) => {
    const own = appliedBy(still, fieldManager(uid));
    if (own === undefined) return still;
    const isInTheWay = ({ manager, fields }: ManagedEntry): boolean =>
      isHandTool(manager) && shared(fields, own) !== undefined;
    if (!managedEntries(still).some(isInTheWay)) return still;
    const entries = withFieldSets(still, (entry) => (isInTheWay(entry) ? without(entry.fields, own) : entry.fields));
    return writeEntries(cluster, still, entries);
  });
}
