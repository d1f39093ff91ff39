import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { renderPlain, type TreeFile } from '../../sync/render/plain.ts';
import { describeProblem, type KubeObject } from '../../sync/types.ts';

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

/**
 * The objects of one file as a person names it; `-` is standard input.
 * @throws Error with everything in it that can't be understood
 */
export function objectsIn(file: string): KubeObject[] {
  const bytes = readFileSync(file === '-' ? 0 : file);
  const path = /\.(ya?ml|json)$/.test(file) ? file : 'standard input.yaml';
  const { objects, problems } = renderPlain([{ path, oid: '', type: 'file', read: () => bytes }]);
  if (problems.length > 0) throw new Error(problems.map(describeProblem).join('\n'));
  return objects.map(({ object }) => object);
}
