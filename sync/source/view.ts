import { LockstepError } from '../errors.ts';
import type { RepositoryEntry, RepositoryNode, RepositoryView } from '../render/engine-port.ts';
import { type ObjectReader, TooLargeToRead } from './pack.ts';
import { type Entry, entriesOf, typeOf } from './tree.ts';

/** A repository at one commit, by paths from its top. Only the folders on the way are read. */
export function viewOf(reader: ObjectReader, root: string): RepositoryView {
  const known = new Map<string, readonly Entry[]>();
  const entries = (oid: string): readonly Entry[] => {
    const found = known.get(oid) ?? entriesOf(reader, oid);
    known.set(oid, found);
    return found;
  };
  const folder = (oid: string): RepositoryNode => ({
    kind: 'folder',
    oid,
    names: entries(oid).map(({ name, mode }) => ({ name, kind: kindOf(mode) })),
  });
  return (path) => {
    const names = path.split('/').filter((name) => name !== '');
    let oid = root;
    for (const [index, name] of names.entries()) {
      const entry = entries(oid).find((one) => one.name === name);
      if (entry === undefined) return { kind: 'nothing' };
      if (entry.mode !== '40000') return leafOf(reader, entry, index === names.length - 1 ? path : undefined);
      oid = entry.oid;
    }
    return folder(oid);
  };
}

/**
 * Below a file or a link there is nothing; below a submodule, whatever that is.
 * @param path undefined for what stands on the way to something else
 */
function leafOf(reader: ObjectReader, { mode, oid }: Entry, path: string | undefined): RepositoryNode {
  const kind = kindOf(mode);
  if (kind === 'submodule') return { kind, oid };
  if (path === undefined) return { kind: 'nothing' };
  return kind === 'link' ? { kind, oid } : { kind: 'file', oid, read: () => readFile(reader, oid, path) };
}

function readFile(reader: ObjectReader, oid: string, path: string): Buffer {
  try {
    return reader.read(oid).data;
  } catch (error) {
    if (error instanceof TooLargeToRead) throw new LockstepError('InvalidManifests', `${path}: ${error.message}`);
    throw error;
  }
}

function kindOf(mode: string): RepositoryEntry['kind'] {
  if (mode === '40000') return 'folder';
  const type = typeOf(mode);
  return type === 'symlink' ? 'link' : type;
}
