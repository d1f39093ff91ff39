import {
  appliedBy,
  type FieldSet,
  leavesOf,
  type ManagedEntry,
  managedEntries,
  shared,
  unionOf,
  where,
  withFieldSets,
  without,
} from '../../diff/field-sets.ts';
import type { JsonObject } from '../../diff/json.ts';
import { names, type Place, placesAt } from '../../diff/places.ts';
import { fieldManager } from '../stamp.ts';
import type { KubeObject } from '../types.ts';
import { isHandTool } from './filters/conflicts.ts';

/** What a release takes from one other manager of an object: which fields, and their values before. */
export interface Taken extends ManagedEntry {
  readonly places: readonly Place[];
}

/** Who moves fields all the time: what is taken from them they take again, or not. Nobody gives them an old value back. */
const movers =
  /^(kube-controller-manager|horizontal-pod-autoscaler|vpa-.*|vertical-pod-autoscaler.*|keda.*|istio.*|linkerd.*|.*-injector)$/i;

/**
 * What an apply takes from others, as a dry-run tells it: fields of theirs that it gets ours, and those that are theirs as
 * well and are taken off the tools by which people change things by hand.
 * @param live the object before it, with managedFields
 * @param answer what the apply makes of it
 */
export function takenFrom(live: KubeObject, answer: KubeObject, uid: string): Taken[] {
  const own = fieldManager(uid);
  const after = appliedBy(answer, own) ?? {};
  const news = without(after, appliedBy(live, own) ?? {}) ?? {};
  const left = managedEntries(answer);
  return managedEntries(live).flatMap((entry) => {
    if (entry.manager === own || movers.test(entry.manager)) return [];
    const kept = left.find((other) => isSameEntry(other, entry))?.fields ?? {};
    const lost = without(entry.fields, kept) ?? {};
    const both = isHandTool(entry.manager) ? entry.fields : {};
    const fields = shared(unionOf(lost, both), news);
    return fields === undefined ? [] : [{ ...entry, fields, places: placesAt(live, leavesOf(fields)) }];
  });
}

function isSameEntry(one: Omit<ManagedEntry, 'fields'>, other: Omit<ManagedEntry, 'fields'>): boolean {
  return one.manager === other.manager && one.operation === other.operation && one.apiVersion === other.apiVersion;
}

/**
 * What of that has to be given back when another manifest is applied: what that does not name, and is ours still.
 * @param live the object as it is, with managedFields
 */
export function dueBack(taken: readonly Taken[], manifest: KubeObject, live: KubeObject, uid: string): Taken[] {
  const ours = appliedBy(live, fieldManager(uid));
  if (ours === undefined) return [];
  return taken.flatMap((one) => {
    const still = shared(one.fields, ours);
    const fields = still === undefined ? undefined : where(still, (path) => !names(manifest, path));
    if (fields === undefined) return [];
    const paths = new Set(leavesOf(fields).map((path) => JSON.stringify(path)));
    return [{ ...one, fields, places: one.places.filter(({ path }) => paths.has(JSON.stringify(path))) }];
  });
}

/** The managers of an object as they are once fields are their managers' again. */
export function givenBack(object: KubeObject, due: readonly Taken[], own: string): JsonObject[] {
  const all = due.reduce<FieldSet>((fields, one) => unionOf(fields, one.fields), {});
  const known = managedEntries(object);
  const entries = withFieldSets(object, (entry) => {
    if (entry.manager === own && entry.operation === 'Apply') return without(entry.fields, all);
    const theirs = due.filter((one) => isSameEntry(one, entry));
    return theirs.reduce<FieldSet>((fields, one) => unionOf(fields, one.fields), entry.fields);
  });
  const gone = due.filter((one) => !known.some((entry) => isSameEntry(entry, one)));
  return [
    ...entries,
    ...gone.map(({ manager, operation, apiVersion, fields }) => ({
      manager,
      operation,
      apiVersion,
      fieldsType: 'FieldsV1',
      fieldsV1: fields,
    })),
  ];
}

/** All that was taken, of one object, each field of each manager once: what was noted first is what it was before. */
export function allTaken(
  before: readonly Taken[] = [],
  more: readonly Taken[] = [],
): { readonly taken?: readonly Taken[] } {
  const values = new Map<string, Place>();
  for (const place of [...more, ...before].flatMap(({ places }) => places))
    values.set(JSON.stringify(place.path), place);
  const news = more.flatMap((one): Taken[] => {
    const known = before.filter((other) => isSameEntry(one, other));
    const fields = known.reduce<FieldSet | undefined>(
      (left, { fields: noted }) => (left === undefined ? undefined : without(left, noted)),
      one.fields,
    );
    if (fields === undefined) return [];
    const paths = leavesOf(fields).map((path) => JSON.stringify(path));
    return [{ ...one, fields, places: paths.flatMap((path) => values.get(path) ?? []) }];
  });
  const taken = [...before, ...news];
  return taken.length === 0 ? {} : { taken };
}

/** What of that still matters while a manifest is wanted: fields that it names are taken still. */
export function stillTaken(
  taken: readonly Taken[] | undefined,
  manifest: KubeObject,
): { readonly taken?: readonly Taken[] } {
  const still = (taken ?? []).filter(({ places }) => places.some(({ path }) => names(manifest, path)));
  return still.length === 0 ? {} : { taken: still };
}
