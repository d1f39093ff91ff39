import { deserialize, serialize } from 'node:v8';
import type { JsonObject } from '../../diff/json.ts';
import type { Problem, SourcedObject } from '../types.ts';
import type { Rendered } from './plain.ts';
import { notePlain, plainPlaces } from './yaml.ts';

/** What a thread that reads is told: a text, or that it may go on with what comes next of the last one. */
export type ReaderTask = { readonly path: string; readonly text: string } | 'next';

/** What it says: that it can begin; some of what it has read, packed; or that this was all. */
export type ReaderReply = 'ready' | { readonly packed: readonly Uint8Array[] } | 'end';

interface Packed {
  readonly sourced: SourcedObject;
  /** Where texts stand in it that had no quotes: a copy does not know that by itself. */
  readonly plain: readonly (readonly (string | number)[])[];
}

/** Some of what was read, each packed by itself: unpacking one after the other keeps nobody waiting. */
export function packed({ objects, problems }: Rendered): Uint8Array[] {
  const all = objects.map((sourced) =>
    serialize({ sourced, plain: plainPlaces(sourced.object as JsonObject) } satisfies Packed),
  );
  return problems.length === 0 ? all : [...all, serialize(problems)];
}

/** Adds one of those to what was read before. */
export function unpackInto(all: { objects: SourcedObject[]; problems: Problem[] }, bytes: Uint8Array): void {
  const value: Packed | Problem[] = deserialize(bytes);
  if (Array.isArray(value)) all.problems.push(...value);
  else {
    notePlain(value.sourced.object as JsonObject, value.plain);
    all.objects.push(value.sourced);
  }
}
