import { hashForName } from '../../diff/hash.ts';
import { isObject, type Json, type JsonObject, textAt } from '../../diff/json.ts';
import { LockstepError } from '../errors.ts';
import { isHook } from '../hooks/phases.ts';
import { isKubeObject, type Problem, type SourcedObject } from '../types.ts';
import { holdsPointer, isPointer, mayHoldPointer } from './pointer.ts';
import { holdsSealed } from './sops/mark.ts';
import { isPlainText, longestYaml, notePlain, parseYaml } from './yaml.ts';
import { YamlError } from './yaml-error.ts';
import { documentGroups } from './yaml-text.ts';

/** A file of the source tree. Its content is only asked for when it is needed. */
export interface TreeFile {
  /** The path below the source's path, with slashes. */
  readonly path: string;
  /** Git's object id of the content: equal ids are equal contents. */
  readonly oid: string;
  /** What the tree says it is; only regular files are rendered. */
  readonly type: 'file' | 'symlink' | 'submodule';
  read(): Uint8Array;
}

/** What the manifests of a folder came to. With a problem the objects must not be used. */
export interface Rendered {
  readonly objects: readonly SourcedObject[];
  readonly problems: readonly Problem[];
}

const manifestFile = /\.(ya?ml|json)$/;

/** Whether a file holds manifests, by its name. */
export function isManifest({ path }: Pick<TreeFile, 'path'>): boolean {
  return manifestFile.test(path);
}

/** Parsed files by path, so that an unchanged file is never parsed again. */
export type ParseCache = Map<string, { readonly oid: string; readonly rendered: Rendered }>;

/** Reads every YAML and JSON file of a tree, in the order of their paths. All problems are reported together. */
export function renderPlain(files: readonly TreeFile[], cache: ParseCache = new Map()): Rendered {
  const manifests = files.filter(({ path }) => manifestFile.test(path));
  const rendered = parseFiles(
    manifests.sort((a, b) => (a.path < b.path ? -1 : 1)),
    cache,
  );
  if (cache.size > manifests.length) forgetOthers(cache, manifests);
  return rendered;
}

/** What some manifest files hold, in their order. Each is parsed once. */
function parseFiles(files: readonly TreeFile[], cache: ParseCache): Rendered {
  const objects: SourcedObject[] = [];
  const problems: Problem[] = [];
  for (const file of files) {
    const rendered = readCached(file, cache);
    for (const object of rendered.objects) objects.push(object);
    for (const problem of rendered.problems) problems.push(problem);
  }
  return { objects, problems };
}

function readCached(file: TreeFile, cache: ParseCache): Rendered {
  const before = cache.get(file.path);
  if (before?.oid === file.oid) return before.rendered;
  const rendered = readFile(file);
  cache.set(file.path, { oid: file.oid, rendered });
  return rendered;
}

/** What left the tree. */
function forgetOthers(cache: ParseCache, manifests: readonly TreeFile[]): void {
  const paths = new Set(manifests.map(({ path }) => path));
  for (const path of cache.keys()) if (!paths.has(path)) cache.delete(path);
}

function readFile(file: TreeFile): Rendered {
  const text = textOf(file);
  if (typeof text !== 'string') return text;
  const { objects, problems } = readManifests(file.path, text);
  return { objects, problems };
}

/** The text of a file, or why it has none. */
export function textOf(file: TreeFile): string | Rendered {
  if (file.type === 'symlink') return failed(file.path, 'is a symbolic link; links are not followed');
  if (file.type === 'submodule') return failed(file.path, 'is a submodule; submodules are not read');
  try {
    return decode(file.read()) ?? failed(file.path, 'is not UTF-8 text');
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'SourceTooLarge') return failed(file.path, error.message);
    throw error;
  }
}

/** What a text of manifests holds, and of how many documents it is; undefined where it can't be read. */
export interface ReadManifests extends Rendered {
  readonly documents: number | undefined;
}

/**
 * What a text of manifests holds.
 * @param path where it is from
 * @param before what stands before it there
 */
export function readManifests(path: string, text: string, before = { lines: 0, documents: 0 }): ReadManifests {
  if (isPointer(text))
    return { ...failed(path, 'is a Git LFS pointer; commit the manifest itself'), documents: undefined };
  try {
    const documents = parseYaml(text);
    const suspect = { sealed: holdsSealed(text), pointer: mayHoldPointer(text) };
    return { ...readDocuments(path, documents, before.documents, suspect), documents: documents.length };
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    const problem: Problem = { file: path, message: error.message };
    const line = error.line === undefined ? {} : { line: error.line + before.lines };
    return { objects: [], problems: [{ ...problem, ...line }], documents: undefined };
  }
}

/** The same, part by part: a long text never has to be held as a whole. What comes behind a part that can't be read is not told. */
export function* readInParts(path: string, text: string, letters: number): Generator<Rendered> {
  let documents = 0;
  const groups = text.length > longestYaml ? [{ text, linesBefore: 0 }] : documentGroups(text, letters);
  for (const group of groups) {
    const part = readManifests(path, group.text, { lines: group.linesBefore, documents });
    yield { objects: part.objects, problems: part.problems };
    if (part.documents === undefined) return;
    documents += part.documents;
  }
}

function failed(path: string, message: string): Rendered {
  return { objects: [], problems: [{ file: path, message }] };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What of a text has been seen that no object may hold. */
interface Suspect {
  readonly sealed: boolean;
  readonly pointer: boolean;
}

function readDocuments(file: string, documents: readonly Json[], before: number, suspect: Suspect): Rendered {
  const objects: SourcedObject[] = [];
  const problems: Problem[] = [];
  documents.forEach((value, index) => {
    const document = before + index + 1;
    for (const item of isSealed(value) ? [value] : flatten(value).map(named)) {
      const never = whyNever(item, suspect);
      if (never !== undefined) problems.push({ file, document, ...never });
      else if (isKubeObject(item)) objects.push({ object: item, file, document });
      else problems.push({ file, document, ...describeBroken(item) });
    }
  });
  return { objects, problems };
}

/** An empty document is nothing; a List is what it holds. */
function flatten(value: Json): Json[] {
  if (value === null) return [];
  // A JSON file may hold a list of objects; a List may hold nothing at all.
  if (Array.isArray(value)) return value.flatMap(flatten);
  if (isObject(value) && isList(value) && value['items'] === null) return [];
  if (isObject(value) && isList(value) && Array.isArray(value['items'])) {
    return value['items'].flatMap((item) => flatten(withListType(value['kind'], value['apiVersion'], item)));
  }
  return [value];
}

/**
 * A hook may leave its name to be made up. It gets one that is always the same for the same content, so that it is found
 * again after a restart, and the one of an earlier release too.
 */
function named(value: Json): Json {
  if (!isObject(value) || !isObject(value['metadata'])) return value;
  const { generateName, ...metadata } = value['metadata'];
  if (typeof generateName !== 'string' || metadata['name'] !== undefined) return value;
  const object = { ...value, metadata: { ...metadata, name: `${generateName}${hashForName(value)}` } };
  return isKubeObject(object) && isHook(object) ? object : value;
}

function isList({ kind }: JsonObject): boolean {
  return typeof kind === 'string' && kind.endsWith('List');
}

/** The items of a typed list, such as ConfigMapList, need not repeat their type. */
function withListType(listKind: Json | undefined, apiVersion: Json | undefined, item: Json): Json {
  if (!isObject(item) || listKind === 'List' || item['kind'] !== undefined || typeof listKind !== 'string') return item;
  const typed = { apiVersion: apiVersion ?? 'v1', kind: listKind.slice(0, -'List'.length), ...item };
  const plain = Object.keys(item).filter((name) => isPlainText(item, name));
  notePlain(
    typed,
    plain.map((name) => [name]),
  );
  return typed;
}

const pointed = 'holds a Git LFS pointer in place of a file; commit the file itself';
const sealed = 'is encrypted by SOPS, and spec.render.decryption names no keys';

/** Why an object must never be applied, whatever it is. */
function whyNever(item: Json, suspect: Suspect): Pick<Problem, 'message' | 'object'> | undefined {
  // What it is called may be encrypted too.
  if (isSealed(item) || (suspect.sealed && isAnySealed(item))) return { message: sealed };
  return suspect.pointer && holdsPointer(item) ? { message: pointed, ...nameOf(item) } : undefined;
}

/** What SOPS has encrypted carries its notes. */
function isSealed(value: Json): boolean {
  return isObject(value) && isObject(value['sops']) && value['sops']['mac'] !== undefined;
}

/** Whether a value of it is encrypted, though it carries no notes. */
function isAnySealed(value: Json): boolean {
  if (typeof value === 'string') return value.startsWith('ENC[AES256_GCM,') && holdsSealed(value);
  if (Array.isArray(value)) return value.some(isAnySealed);
  return isObject(value) && Object.values(value).some(isAnySealed);
}

/** As much of its name as there is. */
function nameOf(value: Json): { object?: string } {
  const parts = [textAt(value, 'kind'), textAt(value, 'metadata', 'name')].filter((part) => part !== undefined);
  return parts.length === 0 ? {} : { object: parts.join(' ') };
}

function describeBroken(value: Json): { message: string; object?: string } {
  if (!isObject(value))
    return { message: 'is not a Kubernetes object: a map with apiVersion, kind and metadata is needed' };
  const metadata = value['metadata'];
  const name = isObject(metadata) ? metadata['name'] : undefined;
  const missing = [
    typeof value['apiVersion'] === 'string' ? [] : ['apiVersion'],
    typeof value['kind'] === 'string' ? [] : ['kind'],
    typeof name === 'string' ? [] : ['metadata.name'],
  ].flat();
  const isGenerated = isObject(metadata) && typeof metadata['generateName'] === 'string';
  const hint = isGenerated ? '; only hooks may have a generateName instead' : '';
  const message = `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} missing or not text${hint}`;
  return { message, ...nameOf(value) };
}
