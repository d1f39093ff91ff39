import { hashText } from '../../diff/hash.ts';
import type { RepositoryNode, RepositoryView } from './engine-port.ts';

/** What is laid into a repository, by the paths where it stands. */
export type Mounts = ReadonlyMap<string, RepositoryView>;

/** A repository with something laid into it: what stood at those paths is not seen, and all else is as it was. */
export function withMounts(view: RepositoryView, mounts: Mounts): RepositoryView {
  if (mounts.size === 0) return view;
  return (path) => {
    for (const [place, laid] of mounts) {
      if (path === place) return laid('');
      if (path.startsWith(`${place}/`)) return laid(path.slice(place.length + 1));
    }
    return [...mounts.keys()].reduce((node, place) => withEntry(node, path, place), view(path));
  };
}

/** The folders that lead to what is laid are there, too. */
function withEntry(node: RepositoryNode, path: string, place: string): RepositoryNode {
  const prefix = path === '' ? '' : `${path}/`;
  if (!place.startsWith(prefix)) return node;
  const name = place.slice(prefix.length).split('/', 1)[0] ?? '';
  const names = node.kind === 'folder' ? node.names : [];
  if (names.some((entry) => entry.name === name && entry.kind === 'folder')) return node;
  const oid = hashText(`${node.kind === 'folder' ? node.oid : ''} ${name}`);
  return { kind: 'folder', oid, names: [...names.filter((entry) => entry.name !== name), { name, kind: 'folder' }] };
}
