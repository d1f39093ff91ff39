import { type Dirent, existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { missingParts } from '../../sync/charts/parts.ts';
import type { ChartReach } from '../../sync/charts/reach.ts';
import { withChart } from '../../sync/engine-made.ts';
import type { GivenValues } from '../../sync/given-values.ts';
import type { Capabilities } from '../../sync/ports.ts';
import type { Engine, RepositoryEntry, RepositoryNode, RepositoryView } from '../../sync/render/engine-port.ts';
import { withMounts } from '../../sync/render/mounts.ts';
import { type Rendered, readManifests, renderPlain, type TreeFile } from '../../sync/render/plain.ts';
import {
  askedBy,
  inCluster,
  looking,
  type RenderSettings,
  renderKey,
  renderRequestOf,
} from '../../sync/render/rendering.ts';
import type { Unsealer } from '../../sync/render/sops/port.ts';
import { unsealedFiles, unsealedView } from '../../sync/render/unsealed.ts';

/** What a folder is rendered by, and with. */
export interface Rendering {
  readonly engine: Engine;
  readonly reach: ChartReach;
  readonly given: GivenValues;
  /** Opens what is encrypted. */
  readonly unsealer: Unsealer;
}

/**
 * What a folder renders to, by whatever it asks for, and what that is known by, where the engine has made it.
 * @param cluster what charts are told of the cluster
 * @throws LockstepError InvalidManifests, RenderFailed, EngineMissing, ChartNotFound
 */
export async function renderFolder(
  settings: RenderSettings,
  { files, view }: { files: readonly TreeFile[]; view: RepositoryView },
  cluster: () => Promise<Capabilities>,
  { engine, reach, given, unsealer }: Rendering,
): Promise<{ rendered: Rendered; key: string | undefined }> {
  const base = await withChart(view, given, reach);
  const request = renderRequestOf(settings, files, given.chart);
  if (request === undefined)
    return { rendered: renderPlain(await unsealedFiles(files, unsealer, new Map())), key: undefined };
  const chart = 'helm' in request ? request.helm.chart : undefined;
  const parts = chart === undefined ? new Map() : await missingParts(base, chart, reach, settings.chart, new Map());
  const watched = looking(withMounts(base, parts));
  const whole = await inCluster(request, cluster);
  const documents = await engine.render('here', whole, unsealedView(watched.view, unsealer));
  const all = documents.map(({ file, text }) => readManifests(file, text));
  const rendered = {
    objects: all.flatMap(({ objects }) => objects),
    problems: all.flatMap(({ problems }) => problems),
  };
  return { rendered, key: renderKey(askedBy(request), watched.looked) };
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
    const names = path.split('/').filter((name) => name !== '' && name !== '..');
    const full = join(root, ...names);
    const isBehindLink = names.slice(0, -1).some((_name, index) => isLink(join(root, ...names.slice(0, index + 1))));
    const status = isBehindLink ? undefined : lstatSync(full, { throwIfNoEntry: false });
    if (status === undefined) return { kind: 'nothing' };
    if (status.isSymbolicLink()) return { kind: 'link', oid: full };
    if (status.isFile()) return { kind: 'file', oid: full, read: () => readFileSync(full) };
    if (!status.isDirectory()) return { kind: 'nothing' };
    return { kind: 'folder', oid: full, names: readdirSync(full, { withFileTypes: true }).flatMap(entryOf) };
  };
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function entryOf(entry: Dirent): RepositoryEntry[] {
  const { name } = entry;
  if (name === '.git') return [];
  if (entry.isSymbolicLink()) return [{ name, kind: 'link' }];
  if (entry.isDirectory()) return [{ name, kind: 'folder' }];
  return entry.isFile() ? [{ name, kind: 'file' }] : [];
}
