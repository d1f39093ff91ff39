import { at, isObject, type Json, type JsonObject, textAt } from '../diff/json.ts';
import type { KnownName } from './annotations.ts';

/** The metadata of a Kubernetes object, as far as Lockstep reads it. */
export type Metadata = JsonObject & { name: string; namespace?: string; uid?: string; resourceVersion?: string };

/** Any Kubernetes object, as JSON. */
export type KubeObject = JsonObject & { apiVersion: string; kind: string; metadata: Metadata };

/** What is needed to name an object to the API server. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** An object read from a file, and where it stands in it (documents count from 1). */
export interface SourcedObject {
  readonly object: KubeObject;
  readonly file: string;
  readonly document: number;
}

/** Something wrong with what was read, named so that it can be found and fixed. */
export interface Problem {
  readonly file?: string;
  readonly document?: number;
  readonly line?: number;
  readonly object?: string;
  readonly message: string;
}

/** A commit, as far as a status shows it. */
export interface Commit {
  readonly revision: string;
  readonly author: string;
  readonly subject: string;
  readonly time: string;
}

/** A revision as people are shown it: the first letters of a commit, or of a digest. */
export function shortRevision(revision: string): string {
  return revision.replace(/^sha256:/, '').slice(0, 12);
}

/** Whether a revision is the one that somebody names by its first letters; of a digest, with or without what it begins with. */
export function isRevision(revision: string, named: string): boolean {
  return revision.startsWith(named) || revision.replace(/^sha256:/, '').startsWith(named);
}

/** The health words, from best to worst. An app has the worst word of its objects. */
export const healthWords = ['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown'] as const;
export type HealthWord = (typeof healthWords)[number];

/** The health of one object now. */
export interface Health {
  readonly status: HealthWord;
  /** A stable machine word. */
  readonly reason: string;
  /** One sentence that names the guilty object. */
  readonly message: string;
}

/** What a plan does with an object. */
export type Action = 'create' | 'update' | 'unchanged' | 'replace' | 'prune' | 'skip' | 'adopt';

/** Whether a value has the parts that every Kubernetes object has. */
export function isKubeObject(value: Json | undefined): value is KubeObject {
  return (
    isObject(value) &&
    typeof value['apiVersion'] === 'string' &&
    typeof value['kind'] === 'string' &&
    typeof at(value, 'metadata', 'name') === 'string'
  );
}

/** The API group of an apiVersion; empty for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** The reference of an object. */
export function refOf(object: KubeObject): ObjectRef {
  const { apiVersion, kind } = object;
  const { name, namespace } = object.metadata;
  return namespace === undefined ? { apiVersion, kind, name } : { apiVersion, kind, namespace, name };
}

/**
 * The identity of an object: group, kind, namespace and name. The version is no part of it, so that a manifest moved to
 * a newer version is still the same object.
 */
export function keyOf(ref: ObjectRef): string {
  return `${groupOf(ref.apiVersion)}/${ref.kind}/${ref.namespace ?? ''}/${ref.name}`;
}

/** How an object is named to people: `Deployment shop/web`. */
export function titleOf(ref: ObjectRef): string {
  return `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`;
}

/** The value of an annotation, or undefined. */
export function annotation(object: KubeObject, name: KnownName): string | undefined {
  return textAt(object, 'metadata', 'annotations', name);
}

/** The value of a label, or undefined. */
export function label(object: KubeObject, name: string): string | undefined {
  return textAt(object, 'metadata', 'labels', name);
}

/** How a problem is told: `web.yaml (document 2): Deployment web: metadata.name is missing`. */
export function describeProblem(problem: Problem): string {
  const document = problem.document === undefined ? '' : ` (document ${problem.document})`;
  const line = problem.line === undefined ? '' : `:${problem.line}`;
  const where = problem.file === undefined ? '' : `${problem.file}${line}${document}: `;
  const what = problem.object === undefined ? '' : `${problem.object}: `;
  return `${where}${what}${problem.message}`;
}

/** Resource versions are numbers that may be larger than a double holds. */
export function isNewer(version: string | undefined, than: string): boolean {
  if (version === undefined) return true;
  return version.length === than.length ? version > than : version.length > than.length;
}
