import { isObject, type Json, type JsonObject } from '../../../diff/json.ts';
import type { KubeObject } from '../../../sync/types.ts';

/** What became of one thing that another tool was told. */
export interface Note {
  /** `Application argocd/shop`. */
  readonly about: string;
  /** Whether it is the same here, holds in other words or is another thing, or has no counterpart. */
  readonly kind: 'maps' | 'differs' | 'refused';
  readonly field: string;
  readonly message: string;
}

/** What an object of another tool came to. */
export interface Imported {
  readonly manifests: readonly KubeObject[];
  readonly notes: readonly Note[];
}

/** Takes notes about one object. */
export interface Notes {
  differs(field: string, message: string): void;
  refused(field: string, message: string): void;
  readonly all: readonly Note[];
}

export function notesOn(about: string): Notes {
  const all: Note[] = [];
  return {
    all,
    differs: (field, message) => void all.push({ about, kind: 'differs', field, message }),
    refused: (field, message) => void all.push({ about, kind: 'refused', field, message }),
  };
}

/** A map without what is not there, or empty. */
export function compact(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined &&
        !(Array.isArray(value) && value.length === 0) &&
        !(isObject(value) && Object.keys(value).length === 0),
    ),
  ) as JsonObject;
}

/** The values of a list; none for what is none. */
export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

export function mapOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A folder of a repository as `spec.source.path` has it; empty for the top. */
export function folderOf(path: Json | undefined): string {
  const folder = (textOf(path) ?? '').replace(/^\.?\/+|\/+$/g, '');
  return folder === '.' ? '' : folder;
}

/** What makes the Deliveries. */
export interface ImportOptions {
  /** Whether they begin at once; otherwise they are suspended, so that their plans can be looked at first. */
  readonly isActive: boolean;
}
