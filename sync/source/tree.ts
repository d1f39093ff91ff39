import { LockstepError } from '../errors.ts';
import type { TreeFile } from '../render/plain.ts';
import type { ObjectReader } from './pack.ts';

/** A folder of a commit. Equal ids are equal contents, so a folder that did not change is the very same object. */
export interface Tree {
  readonly oid: string;
  readonly files: readonly TreeFile[];
  readonly folders: ReadonlyMap<string, Tree>;
}

interface Entry {
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
  const entries = parseTree(reader().read(oid).data);
  if (entries.length > maxFiles)
    throw new LockstepError('SourceTooLarge', `a folder holds more than ${maxFiles} entries`);
  const files: TreeFile[] = [];
  const folders = new Map<string, Tree>();
  for (const entry of entries) {
    if (entry.mode === '40000') folders.set(entry.name, readTree(reader, entry.oid, known, depth + 1));
    else
      files.push({
        path: entry.name,
        oid: entry.oid,
        type: typeOf(entry.mode),
        read: () => reader().read(entry.oid).data,
      });
  }
  const tree: Tree = { oid, files, folders };
  known.set(oid, tree);
  return tree;
}

function typeOf(mode: string): TreeFile['type'] {
  if (mode === '120000') return 'symlink';
  return mode === '160000' ? 'submodule' : 'file';
}

/** Entries are `mode name\0` and 20 bytes of id. Names that could mean another place are refused. */
function parseTree(data: Buffer): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const end = data.indexOf(0, space);
    if (space < 0 || end < 0 || end + 21 > data.length)
      throw new LockstepError('SourceUnsupported', 'a tree of the repository is broken');
    const name = data.toString('utf8', space + 1, end);
    if (name === '.' || name === '..' || name.toLowerCase() === '.git' || /[/\\]/.test(name)) {
      throw new LockstepError(
        'SourceUnsupported',
        `the repository holds an entry with the forbidden name ${JSON.stringify(name)}`,
      );
    }
    entries.push({ mode: data.toString('latin1', at, space), name, oid: data.toString('hex', end + 1, end + 21) });
    at = end + 21;
  }
  return entries;
}

/** The id of the tree at a path below a root tree; undefined when there is no folder. Reads only the folders on the way. */
export function findTree(reader: ObjectReader, root: string, path: string): string | undefined {
  let oid: string | undefined = root;
  for (const part of path.split('/').filter((name) => name !== '')) {
    if (oid === undefined) return undefined;
    oid = parseTree(reader.read(oid).data).find((entry) => entry.name === part && entry.mode === '40000')?.oid;
  }
  return oid;
}

interface Listed {
  readonly prefix: string;
  readonly files: readonly TreeFile[];
}

/** What was listed before: a folder that did not change is not listed again. */
const listed = new WeakMap<Tree, Listed>();

/** All files of a tree, with their paths from its top. */
export function listFiles(tree: Tree, prefix = ''): readonly TreeFile[] {
  const before = listed.get(tree);
  if (before?.prefix === prefix) return before.files;
  const own = tree.files.map((file) => (prefix === '' ? file : { ...file, path: `${prefix}${file.path}` }));
  const below = [...tree.folders].map(([name, folder]) => listFiles(folder, `${prefix}${name}/`));
  const files = own.concat(...below);
  listed.set(tree, { prefix, files });
  return files;
}
