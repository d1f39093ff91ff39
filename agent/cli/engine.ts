import { type Dirent, existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Capabilities } from '../../sync/ports.ts';
import type { RepositoryEntry, RepositoryNode, RepositoryView } from '../../sync/render/engine-port.ts';
import { createEngines } from '../../sync/render/engines.ts';
import { type Rendered, readManifests, renderPlain, type TreeFile } from '../../sync/render/plain.ts';
import { engineRequestOf, type RenderSettings } from '../../sync/render/rendering.ts';
import { enginePlace } from '../engine-place.ts';

/**
 * What a folder renders to, by whatever it asks for.
 * @param cluster what charts are told of the cluster
 * @throws LockstepError InvalidManifests, RenderFailed, EngineMissing
 */
export async function renderFolder(
  settings: RenderSettings,
  files: readonly TreeFile[],
  view: RepositoryView,
  cluster: () => Capabilities,
): Promise<Rendered> {
  const request = engineRequestOf(settings, files, cluster);
  if (request === undefined) return renderPlain(files);
  const engines = createEngines(enginePlace(process.env['LOCKSTEP_ENGINE'] ?? ''));
  try {
    const documents = await engines.render('here', request, view);
    const all = documents.map(({ file, text }) => readManifests(file, text));
    return { objects: all.flatMap(({ objects }) => objects), problems: all.flatMap(({ problems }) => problems) };
  } finally {
    await engines.close();
  }
}

/** The repository that a folder here is in: what stands above it is looked at too, as it would be in Git. */
export function repositoryAround(folder: string): { root: string; path: string } {
  const start = resolve(folder);
  let root = start;
  while (!existsSync(join(root, '.git'))) {
    const above = dirname(root);
    if (above === root) return { root: start, path: '' };
    root = above;
  }
  return { root, path: relative(root, start) };
}

/** A folder here, as the engine sees a repository: links are told and not followed. */
export function viewOfFolder(root: string): RepositoryView {
  return (path): RepositoryNode => {
    const full = join(root, ...path.split('/').filter((name) => name !== '' && name !== '..'));
    const status = lstatSync(full, { throwIfNoEntry: false });
    if (status === undefined) return { kind: 'nothing' };
    if (status.isSymbolicLink()) return { kind: 'link', oid: full };
    if (status.isFile()) return { kind: 'file', oid: full, read: () => readFileSync(full) };
    if (!status.isDirectory()) return { kind: 'nothing' };
    return { kind: 'folder', oid: full, names: readdirSync(full, { withFileTypes: true }).flatMap(entryOf) };
  };
}

function entryOf(entry: Dirent): RepositoryEntry[] {
  const { name } = entry;
  if (name === '.git') return [];
  if (entry.isSymbolicLink()) return [{ name, kind: 'link' }];
  if (entry.isDirectory()) return [{ name, kind: 'folder' }];
  return entry.isFile() ? [{ name, kind: 'file' }] : [];
}
