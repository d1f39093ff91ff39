import { LockstepError } from '../errors.ts';
import type { TreeFile } from '../render/plain.ts';
import type { ObjectReader } from './pack.ts';
import type { GitObject } from './pack-format.ts';

/** A folder of a commit. Equal ids are equal contents, so a folder that did not change is the very same object. */
export interface Tree {
  readonly oid: string;
  readonly files: readonly TreeFile[];
  readonly folders: ReadonlyMap<string, Tree>;
  /** Whether files of ignore rules stand in it, or anywhere below. */
  readonly hasRules: boolean;
}

/** Files of ignore rules: ours, and that of Flux. */
export const ruleFiles: readonly string[] = ['.sourceignore', '.lockstepignore'];

/** One line of a folder. */
export interface Entry {
  readonly mode: string;
  readonly name: string;
  readonly oid: string;
}

const maxDepth = 50;
const maxFiles = 200_000;

/** Reads a tree, taking over every sub-tree that `known` already holds. `known` then holds the new ones too. */
export function readTree(reader: () => ObjectReader, oid: string, known: Map<string, Tree>, depth = 0): Tree {
  const old = known.get(oid);
  if (old !== undefined) return old;
  if (depth > maxDepth)
    throw new LockstepError('SourceTooLarge', `the folders of the repository are deeper than ${maxDepth}`);
  const files: TreeFile[] = [];
  const folders = new Map<string, Tree>();
  for (const entry of entriesOf(reader(), oid)) {
    if (entry.mode === '40000') folders.set(entry.name, readTree(reader, entry.oid, known, depth + 1));
    else files.push(fileOf(entry, () => reader().read(entry.oid).data));
  }
  const hasRules =
    files.some(({ path }) => ruleFiles.includes(path)) || [...folders.values()].some((folder) => folder.hasRules);
  const tree: Tree = { oid, files, folders, hasRules };
  known.set(oid, tree);
  return tree;
}

function fileOf({ name, oid, mode }: Entry, read: () => Buffer): TreeFile {
  return { path: name, oid, type: typeOf(mode), read };
}

/** What a mode of Git says that an entry is. */
export function typeOf(mode: string): TreeFile['type'] {
  if (mode === '120000') return 'symlink';
  return mode === '160000' ? 'submodule' : 'file';
}

/** Of objects that are kept: every Delivery of a repository looks into the same large folders, at each push. */
const parsed = new WeakMap<GitObject, readonly Entry[]>();

/** @throws LockstepError */
export function entriesOf(reader: ObjectReader, oid: string): readonly Entry[] {
  const object = reader.read(oid);
  const known = parsed.get(object);
  if (known !== undefined) return known;
  if (object.type !== 'tree') throw new LockstepError('SourceUnsupported', `${oid} is no tree`);
  const entries = parseTree(object.data);
  if (entries.length > maxFiles)
    throw new LockstepError('SourceTooLarge', `a folder holds more than ${maxFiles} entries`);
  parsed.set(object, entries);
  return entries;
}

/** Entries are `mode name\0` and 20 bytes of id. Names that could mean another place are refused. */
function parseTree(data: Buffer): Entry[] {
  const entries: Entry[] = [];
  const names = new Set<string>();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const end = data.indexOf(0, space);
    if (space < 0 || end < 0 || end + 21 > data.length)
      throw new LockstepError('SourceUnsupported', 'a tree of the repository is broken');
    const name = data.toString('utf8', space + 1, end);
    if (isForbiddenName(name)) {
      throw new LockstepError(
        'SourceUnsupported',
        `the repository holds an entry with the forbidden name ${JSON.stringify(name)}`,
      );
    }
    // One of them would be lost, and nobody could tell which.
    if (names.has(name))
      throw new LockstepError('SourceUnsupported', `the repository holds ${JSON.stringify(name)} twice in one folder`);
    names.add(name);
    entries.push({ mode: data.toString('latin1', at, space), name, oid: data.toString('hex', end + 1, end + 21) });
    at = end + 21;
  }
  return entries;
}

function isForbiddenName(name: string): boolean {
  return name === '' || name === '.' || name === '..' || name.toLowerCase() === '.git' || /[/\\]/.test(name);
}

/** Where a path leads. */
export interface Place {
  /** The tree there, or the commit of the submodule that is met on the way. */
  readonly oid: string;
  readonly isSubmodule: boolean;
  /** What is left of the path behind a submodule. */
  readonly rest: readonly string[];
  /** The files of ignore rules in the folders above, each with how many names lead to its folder. */
  readonly rulesAbove: readonly { readonly depth: number; readonly file: TreeFile }[];
}

/** Follows a path from a root tree. Reads only the folders on the way. Undefined when there is no such folder. */
export function findPlace(reader: ObjectReader, root: string, names: readonly string[]): Place | undefined {
  const rulesAbove: { depth: number; file: TreeFile }[] = [];
  let oid = root;
  for (const [depth, name] of names.entries()) {
    const entries = entriesOf(reader, oid);
    for (const entry of entries) {
      if (ruleFiles.includes(entry.name) && typeOf(entry.mode) === 'file' && entry.mode !== '40000')
        rulesAbove.push({ depth, file: fileOf(entry, () => reader.read(entry.oid).data) });
    }
    const next = entries.find((entry) => entry.name === name && (entry.mode === '40000' || entry.mode === '160000'));
    if (next === undefined) return undefined;
    oid = next.oid;
    if (next.mode === '160000') return { oid, isSubmodule: true, rest: names.slice(depth + 1), rulesAbove };
  }
  return { oid, isSubmodule: false, rest: [], rulesAbove };
}

/** A file at the top of a tree; undefined when there is none. */
export function fileAtTop(reader: ObjectReader, root: string, name: string): TreeFile | undefined {
  const found = entriesOf(reader, root).find((entry) => entry.name === name && entry.mode.startsWith('100'));
  return found === undefined ? undefined : fileOf(found, () => reader.read(found.oid).data);
}
