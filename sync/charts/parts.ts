import { at, type Json, textAt } from '../../diff/json.ts';
import { LockstepError } from '../errors.ts';
import { inParallel } from '../parallel.ts';
import type { RepositoryNode, RepositoryView } from '../render/engine-port.ts';
import type { Mounts } from '../render/mounts.ts';
import { parseYaml } from '../render/yaml.ts';
import { viewOfTree } from '../source/artifact/file-tree.ts';
import { chooseVersion, isVersionRange } from '../source/follow.ts';
import { type ChartReach, chartRequest, type HomeRepository } from './reach.ts';

/** A chart that another one needs. */
interface Part {
  readonly name: string;
  readonly version: string;
  readonly repository: string;
}

/** More are no chart, and longer descriptions of one are none, in bytes. */
const mostParts = 100;
const longest = 1024 * 1024;

/**
 * The charts that a chart needs and does not hold in its folder charts: those beside it in the repository, and those of
 * repositories of charts, at the versions of Chart.lock where there is one.
 * @param folder that of the chart
 * @param home the Delivery's own repository of charts
 * @param fetched those of repositories of charts that are known; new ones are added
 * @returns where they are to be laid
 * @throws LockstepError InvalidManifests, ChartNotFound, or what the repository of charts answers
 */
export async function missingParts(
  view: RepositoryView,
  folder: string,
  reach: ChartReach,
  home: HomeRepository | undefined,
  fetched: Map<string, RepositoryView>,
): Promise<Mounts> {
  const mounts = new Map<string, RepositoryView>();
  const parts = partsOf(view, folder);
  await inParallel(parts, 4, async (part) => {
    const place = join(folder, 'charts', `${part.name}-${part.version.replaceAll(/[^A-Za-z0-9.-]/g, '_')}`);
    if (part.repository.startsWith('file://')) {
      mounts.set(place, beside(view, folder, part));
      return;
    }
    const laid = fetched.get(place) ?? (await fetchPart(folder, part, reach, home));
    fetched.set(place, laid);
    mounts.set(place, laid);
  });
  return mounts;
}

/** What decides which charts those are, in one word. */
export function partsKey(view: RepositoryView, folder: string): string {
  return ['Chart.yaml', 'Chart.lock', 'requirements.yaml', 'requirements.lock', 'charts']
    .map((name) => view(join(folder, name)))
    .map((node) => (node.kind === 'nothing' ? '-' : node.oid))
    .join(' ');
}

async function fetchPart(
  folder: string,
  { name, version, repository }: Part,
  reach: ChartReach,
  home: HomeRepository | undefined,
): Promise<RepositoryView> {
  if (!/^(https?|oci):\/\//.test(repository))
    throw new LockstepError(
      'InvalidManifests',
      `the chart ${name} is not in ${join(folder, 'charts')}, and ${repository === '' ? 'no repository of it is named' : 'its repository is no https:// or oci:// URL'}`,
    );
  if (version !== '' && !isVersionRange(version))
    throw new LockstepError(
      'InvalidManifests',
      `the chart ${name} is wanted at ${JSON.stringify(version)}, which is no version or range`,
    );
  const request = await chartRequest(reach, { repository: repository.replace(/\/+$/, ''), name, version }, home);
  return viewOfTree(await reach.charts.read(request, await reach.charts.locate(request)));
}

/** `file://../common` stands in the same repository; above its top there is nothing. */
function beside(view: RepositoryView, folder: string, { name, repository }: Part): RepositoryView {
  const path = repository.slice('file://'.length);
  const names = folder.split('/').filter((one) => one !== '');
  for (const one of path.split('/').filter((part) => part !== '' && part !== '.')) {
    if (one !== '..') names.push(one);
    else if (names.pop() === undefined)
      throw new LockstepError(
        'InvalidManifests',
        `the chart ${name} would stand outside of the repository: file://${path}`,
      );
  }
  const place = names.join('/');
  if (path.startsWith('/') || view(join(place, 'Chart.yaml')).kind !== 'file')
    throw new LockstepError('InvalidManifests', `file://${path} is no folder with the chart ${name}`);
  return (inner) => view(join(place, inner));
}

/** Those of Chart.yaml, or of requirements.yaml where the chart is an old one, that are not there. */
function partsOf(view: RepositoryView, folder: string): Part[] {
  const own = readYaml(view(join(folder, 'Chart.yaml')), join(folder, 'Chart.yaml'));
  const old = readYaml(view(join(folder, 'requirements.yaml')), join(folder, 'requirements.yaml'));
  const wanted = listAt(own).concat(textAt(own, 'apiVersion') === 'v2' ? [] : listAt(old));
  const locked = [...lockOf(view, folder, 'Chart.lock'), ...lockOf(view, folder, 'requirements.lock')];
  const charts = view(join(folder, 'charts'));
  const held = charts.kind === 'folder' ? charts.names.map(({ name }) => name) : [];
  const missing = wanted.filter((part) => !held.some((entry) => isOf(view, join(folder, 'charts'), entry, part)));
  if (missing.length > mostParts)
    throw new LockstepError('InvalidManifests', `the chart ${folder} needs more than ${mostParts} others`);
  return missing.map((part) => ({ ...part, version: lockedVersion(part, locked, folder) }));
}

/**
 * What the lock file says; a chart may be needed twice, in two ranges. Without a word about it the range stands.
 * @throws LockstepError InvalidManifests for a lock file of before
 */
function lockedVersion({ name, version, repository }: Part, locked: readonly Part[], folder: string): string {
  const own = locked.filter((one) => one.name === name && one.repository === repository);
  if (own.length === 0 || repository.startsWith('file://')) return version;
  const found = own.find((one) => chooseVersion(version, [one.version]) !== undefined);
  if (found !== undefined) return found.version;
  throw new LockstepError(
    'InvalidManifests',
    `the lock file of ${folder} holds ${name} ${own.map((one) => one.version).join(', ')}, and Chart.yaml asks for ${version}: run helm dependency update`,
  );
}

/** A folder, or an archive with its version in its name. What is of another version Helm would leave out without a word. */
function isOf(view: RepositoryView, charts: string, entry: string, { name, version }: Part): boolean {
  const [, archived] = entry.startsWith(`${name}-`) ? (/^(v?\d.*)\.tgz$/.exec(entry.slice(name.length + 1)) ?? []) : [];
  const place = join(charts, entry, 'Chart.yaml');
  const found = entry === name ? textAt(readYaml(view(place), place), 'version') : archived;
  if (found === undefined) return entry === name;
  return version === '' || !isVersionRange(version) || chooseVersion(version, [found]) !== undefined;
}

function lockOf(view: RepositoryView, folder: string, file: string): Part[] {
  return listAt(readYaml(view(join(folder, file)), join(folder, file)));
}

/** @throws LockstepError InvalidManifests */
function readYaml(node: RepositoryNode, path: string): Json {
  if (node.kind !== 'file') return null;
  const bytes = node.read();
  if (bytes.length > longest) throw new LockstepError('InvalidManifests', `${path} is longer than ${longest} bytes`);
  try {
    return parseYaml(Buffer.from(bytes).toString('utf8'))[0] ?? null;
  } catch {
    throw new LockstepError('InvalidManifests', `${path} is no YAML`);
  }
}

function listAt(value: Json): Part[] {
  const listed = at(value, 'dependencies');
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((entry) => {
    const name = textAt(entry, 'name') ?? '';
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return [];
    return [{ name, version: textAt(entry, 'version') ?? '', repository: textAt(entry, 'repository') ?? '' }];
  });
}

function join(...names: readonly string[]): string {
  return names.filter((name) => name !== '').join('/');
}
