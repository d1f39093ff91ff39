import { hashText } from '../../diff/hash.ts';
import { LockstepError } from '../errors.ts';
import type { Snapshot, SourceRequest, SourceTip } from '../ports.ts';
import type { TreeFile } from '../render/plain.ts';
import { parseCommit } from './commit.ts';
import { type Layer, layerOf, listFiles, readLayer } from './listing.ts';
import type { Trust } from './login.ts';
import { inTurn, objectsOf, obtain, type Remote } from './remote.ts';
import { readGitmodules, submoduleUrl } from './submodules.ts';
import { fileAtTop, findPlace, type Place, readTree, type Tree } from './tree.ts';
import { normalizePath } from './url.ts';
import { verifyTip } from './verify/verify.ts';
import { viewOf } from './view.ts';

/** What reading a snapshot uses beside the repository. */
export interface Surroundings {
  /** Trees that were read last, by repository and path: what did not change is taken from there. */
  readonly known: Map<string, Map<string, Tree>>;
  /** Another repository, that somebody needs for this one. @throws LockstepError */
  open(url: string, beside: Remote): Remote;
}

/** Submodules, those in each other counted too: a circle ends there. */
const mostSubmodules = 50;

/** What is the same for a repository and its submodules. */
interface Reading extends Surroundings {
  readonly request: SourceRequest;
  count: number;
}

/**
 * Reads one commit of a repository.
 * @throws LockstepError
 */
export async function readSnapshot(
  remote: Remote,
  request: SourceRequest,
  tip: SourceTip,
  trust: Trust | undefined,
  surroundings: Surroundings,
): Promise<Snapshot> {
  const { revision, object, ref } = tip;
  const names = normalizePath(request.path)
    .split('/')
    .filter((name) => name !== '');
  await inTurn(remote, () => obtain(remote, request.followed, { object, commit: revision }));
  const signer = trust === undefined ? undefined : await verifyTip(objectsOf(remote), tip, trust, Date.now());
  const own = request.ignore === undefined ? undefined : ownLayer(request.ignore);
  const reading: Reading = { ...surroundings, request, count: 0 };
  const { files, key } = await filesAt(remote, revision, names, { layers: [], own, above: [], reading });
  const { shown, tree } = parseCommit(objectsOf(remote).read(revision), revision);
  return { commit: shown, ref, signer, tree: key, files, view: viewOf(objectsOf(remote), tree) };
}

function ownLayer(text: string): Layer {
  return readLayer(text, 0, hashText(text), 'spec.source.ignore');
}

/** Where a repository stands within the one that is read, and what is left out of it. */
interface Within {
  readonly layers: readonly Layer[];
  readonly own: Layer | undefined;
  /** Names that lead to it. */
  readonly above: readonly string[];
  readonly reading: Reading;
}

interface Files {
  readonly files: readonly TreeFile[];
  /** Equal keys are equal contents. */
  readonly key: string;
}

async function filesAt(remote: Remote, commit: string, names: readonly string[], within: Within): Promise<Files> {
  const reader = objectsOf(remote);
  const { tree: root } = parseCommit(reader.read(commit), commit);
  const place = findPlace(reader, root, names);
  const { submodules } = within.reading.request;
  if (place === undefined || (place.isSubmodule && !submodules))
    throw new LockstepError(
      'PathNotFound',
      `the folder ${JSON.stringify(names.join('/'))} is not in ${remote.url.href} at ${commit.slice(0, 12)}`,
    );
  const layers = [...within.layers, ...layersAbove(place, within.above, names)];
  const modules: Modules = () =>
    readGitmodules(Buffer.from(fileAtTop(reader, root, '.gitmodules')?.read() ?? []).toString('utf8'));
  if (place.isSubmodule) {
    const at = names.slice(0, names.length - place.rest.length);
    const inside = { ...within, layers, above: [...within.above, ...at] };
    const found = await submoduleAt(remote, { at, commit: place.oid, modules }, place.rest, inside);
    return { files: found.files, key: keyOf(found.key, layers) };
  }
  const listed = listAt(remote, place.oid, names, { ...within, layers });
  const key = keyOf(place.oid, layers);
  const grafted = submodules ? listed.filter(({ type }) => type === 'submodule') : [];
  if (grafted.length === 0) return { files: listed, key };
  const inside = { ...within, layers, above: [...within.above, ...names] };
  const grafts = await graft(remote, grafted, { names, modules }, inside);
  const files = listed.filter(({ type }) => type !== 'submodule').concat(...grafts.map((one) => one.files));
  return { files, key: hashText([key, ...grafts.map((one) => one.key)].join(' ')) };
}

function listAt(remote: Remote, oid: string, names: readonly string[], within: Within): readonly TreeFile[] {
  const { reading, above, layers, own } = within;
  const slot = `${remote.copy.key} ${names.join('/')}`;
  const reader = objectsOf(remote);
  const tree = readTree(() => reader, oid, reading.known.get(slot) ?? new Map());
  reading.known.set(slot, reachable(tree));
  return listFiles(tree, [...above, ...names], { layers, own });
}

/** Rules above a folder decide what is in it, though its own id does not change with them. */
function keyOf(oid: string, layers: readonly Layer[]): string {
  return layers.length === 0 ? oid : hashText([oid, ...layers.map(({ key }) => key)].join(' '));
}

function layersAbove({ rulesAbove }: Place, above: readonly string[], names: readonly string[]): Layer[] {
  const depths = [...new Set(rulesAbove.map(({ depth }) => depth))];
  return depths.flatMap((depth) => {
    const files = rulesAbove.filter((one) => one.depth === depth).map(({ file }) => file);
    const where = [...above, ...names.slice(0, depth), ''].join('/');
    return layerOf(files, above.length + depth, where) ?? [];
  });
}

/** Forgets the trees of earlier revisions, so that memory follows the newest one. */
function reachable(tree: Tree, into = new Map<string, Tree>()): Map<string, Tree> {
  if (into.has(tree.oid)) return into;
  into.set(tree.oid, tree);
  for (const folder of tree.folders.values()) reachable(folder, into);
  return into;
}

type Modules = () => ReadonlyMap<string, string>;

async function graft(
  remote: Remote,
  submodules: readonly TreeFile[],
  { names, modules }: { names: readonly string[]; modules: Modules },
  within: Within,
): Promise<Files[]> {
  const all: Files[] = [];
  for (const { path, oid } of submodules) {
    const below = path.split('/');
    const inside = { ...within, above: [...within.above, ...below] };
    const found = await submoduleAt(remote, { at: [...names, ...below], commit: oid, modules }, [], inside);
    all.push({ key: found.key, files: found.files.map((file) => ({ ...file, path: `${path}/${file.path}` })) });
  }
  return all;
}

/** A submodule: where it stands in its repository, and the commit that is wanted of it. */
interface Submodule {
  readonly at: readonly string[];
  readonly commit: string;
  readonly modules: Modules;
}

async function submoduleAt(
  remote: Remote,
  { at, commit, modules }: Submodule,
  names: readonly string[],
  within: Within,
): Promise<Files> {
  const { reading } = within;
  const path = at.join('/');
  reading.count += 1;
  if (reading.count > mostSubmodules)
    throw new LockstepError('SourceTooLarge', `the repository has more than ${mostSubmodules} submodules`);
  const given = modules().get(path);
  if (given === undefined)
    throw new LockstepError('SourceUnsupported', `the file .gitmodules does not say where the submodule ${path} is`);
  const other = reading.open(submoduleUrl(remote.url, given), remote);
  await inTurn(other, () => obtain(other, { kind: 'commit', oid: commit, branch: 'HEAD' }, { object: commit, commit }));
  return filesAt(other, commit, names, within);
}
