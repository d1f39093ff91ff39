import { hashText } from '../../../diff/hash.ts';
import { LockstepError } from '../../errors.ts';
import type { RepositoryNode, RepositoryView } from '../../render/engine-port.ts';
import type { TreeFile } from '../../render/plain.ts';
import { ruleFiles, type Tree } from '../tree.ts';

/** A file as an archive holds it. */
export interface FoundFile {
  readonly names: readonly string[];
  readonly type: 'file' | 'symlink';
  readonly data: Uint8Array;
}

/** More folders in each other hold no manifests. */
const maxDepth = 50;

/**
 * Files as a tree: equal ids are equal contents, as in Git. Of two with one name the later counts, as for tar.
 * @param id tells contents apart
 * @throws LockstepError SourceUnsupported when a name is both a file and a folder, SourceTooLarge
 */
export function treeOf(files: readonly FoundFile[], id: (data: Uint8Array) => string): Tree {
  return folderOf(
    files.map((file) => ({ file, oid: `${file.type} ${id(file.data)}` })),
    0,
  );
}

interface Named {
  readonly file: FoundFile;
  readonly oid: string;
}

function folderOf(all: readonly Named[], depth: number): Tree {
  if (depth > maxDepth) throw new LockstepError('SourceTooLarge', `folders are deeper than ${maxDepth}`);
  const here = new Map<string, TreeFile>();
  const below = new Map<string, Named[]>();
  for (const named of all) {
    const { names, type, data } = named.file;
    const name = names[depth] ?? '';
    if (names.length === depth + 1) here.set(name, { path: name, oid: named.oid, type, read: () => data });
    else if (below.has(name)) below.get(name)?.push(named);
    else below.set(name, [named]);
  }
  const both = [...below.keys()].find((name) => here.has(name));
  if (both !== undefined)
    throw new LockstepError('SourceUnsupported', `${JSON.stringify(both)} is both a file and a folder`);
  const folders = new Map([...below].map(([name, inside]) => [name, folderOf(inside, depth + 1)]));
  const files = [...here.values()];
  const hasRules =
    files.some(({ path }) => ruleFiles.includes(path)) || [...folders.values()].some((folder) => folder.hasRules);
  return { oid: oidOf(files, folders), files, folders, hasRules };
}

function oidOf(files: readonly TreeFile[], folders: ReadonlyMap<string, Tree>): string {
  const lines = [
    ...files.map(({ path, oid }) => `${oid} ${path}`),
    ...[...folders].map(([name, { oid }]) => `tree ${oid} ${name}`),
  ];
  return hashText(lines.sort().join('\n'));
}

/** A tree, by paths from its top. */
export function viewOfTree(root: Tree): RepositoryView {
  return (path) => {
    let folder = root;
    const names = path.split('/').filter((name) => name !== '');
    for (const [index, name] of names.entries()) {
      const next = folder.folders.get(name);
      if (next === undefined) return index === names.length - 1 ? fileIn(folder, name) : { kind: 'nothing' };
      folder = next;
    }
    const { oid, files, folders } = folder;
    const inside = files.map((file) => ({ name: file.path, kind: kindOf(file) }));
    return {
      kind: 'folder',
      oid,
      names: [...inside, ...[...folders.keys()].map((name) => ({ name, kind: 'folder' as const }))],
    };
  };
}

function fileIn({ files }: Tree, name: string): RepositoryNode {
  const file = files.find(({ path }) => path === name);
  if (file === undefined) return { kind: 'nothing' };
  const kind = kindOf(file);
  return kind === 'file' ? { kind, oid: file.oid, read: file.read } : { kind, oid: file.oid };
}

function kindOf({ type }: TreeFile): 'file' | 'link' | 'submodule' {
  return type === 'symlink' ? 'link' : type;
}

/** The folder below some names; undefined when there is none. */
export function folderAt(root: Tree, names: readonly string[]): Tree | undefined {
  return names.reduce<Tree | undefined>((folder, name) => folder?.folders.get(name), root);
}
