import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { TreeFile } from '../../sync/render/plain.ts';

/** The files of a folder, as they would come out of Git; links are told and not followed. */
export function filesUnder(root: string): TreeFile[] {
  if (lstatSync(root).isFile()) return [fileAt(root, root)];
  const names = readdirSync(root, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => !entry.isDirectory() && !relative(root, entry.parentPath).split(sep).includes('.git'))
    .map((entry) => fileAt(join(entry.parentPath, entry.name), relative(root, join(entry.parentPath, entry.name))));
}

function fileAt(full: string, path: string): TreeFile {
  const type = lstatSync(full).isSymbolicLink() ? 'symlink' : 'file';
  return { path, oid: full, type, read: () => readFileSync(full) };
}
