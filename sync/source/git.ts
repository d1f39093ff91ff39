import fs from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import git from 'isomorphic-git';
import { hashText } from '../../diff/hash.ts';
import { LockstepError } from '../errors.ts';
import type { Snapshot, SourceRequest, Sources } from '../ports.ts';
import type { Commit } from '../types.ts';
import { type Advertised, forgetAdvertised, newAdvertised, remembering } from './advertisement.ts';
import { type ObjectReader, openPacks, type PackReader } from './pack.ts';
import {
  createTransport,
  openConnections,
  type Transport,
  type TransportLimits,
  transportDefaults,
} from './transport-http.ts';
import { findTree, listFiles, readTree, type Tree } from './tree.ts';
import { isStorageTrouble, sourceError } from './trouble.ts';
import { normalizePath, parseSourceUrl } from './url.ts';

/** A bare repository on disk, shared by all Deliveries of one URL and credential. */
interface Repository {
  readonly key: string;
  readonly gitdir: string;
  /** isomorphic-git's cache of parsed pack indexes. */
  cache: object;
  reader: PackReader | undefined;
  /** One fetch at a time. */
  busy: Promise<unknown>;
  ready: boolean;
  /** What the server said of itself. */
  readonly advertised: Advertised;
}

/** Trees that were read last, one set for each repository and path: what did not change is taken from there. */
type KnownTrees = Map<string, Map<string, Tree>>;

/**
 * Reads Git repositories over HTTP with isomorphic-git. Only objects are stored on disk, never a work tree, and never a
 * credential. The folder is a cache: it may be lost at any time.
 */
export function createSources(folder: string, limits: TransportLimits = transportDefaults): Sources {
  const repositories = new Map<string, Repository>();
  const usedBy = new Map<string, Repository>();
  const connections = openConnections();
  const known: KnownTrees = new Map();

  function repositoryOf(request: SourceRequest): Repository {
    const key = hashText(`${request.url} ${request.credentials?.fingerprint ?? ''}`);
    const repository = repositories.get(key) ?? make(key);
    const before = usedBy.get(request.user);
    usedBy.set(request.user, repository);
    if (before !== undefined && before !== repository) letGo(before);
    return repository;
  }

  function make(key: string): Repository {
    const made: Repository = {
      key,
      gitdir: join(folder, 'git', key),
      cache: {},
      reader: undefined,
      busy: Promise.resolve(),
      ready: false,
      advertised: newAdvertised(),
    };
    repositories.set(key, made);
    return made;
  }

  const isUsed = (repository: Repository): boolean => [...usedBy.values()].includes(repository);

  /** Forgets a copy that nobody uses, once nobody reads it; who asks for it meanwhile waits, and fetches it anew. */
  function letGo(repository: Repository): void {
    if (isUsed(repository)) return;
    const removed = repository.busy.then(async () => {
      const isGone = (): boolean => repositories.get(repository.key) !== repository;
      if (isUsed(repository) || isGone()) return;
      forget(repository);
      for (const slot of known.keys()) if (slot.startsWith(`${repository.gitdir} `)) known.delete(slot);
      await fs.promises.rm(repository.gitdir, { recursive: true, force: true });
      if (!isUsed(repository) && !isGone()) repositories.delete(repository.key);
    });
    repository.busy = removed.catch(() => undefined);
  }

  const transportOf = (request: SourceRequest): Transport =>
    createTransport(connections, request.credentials?.authorization, limits);

  return {
    tip: (request) => tip(request, repositoryOf(request).advertised, () => transportOf(request)),
    read: (request, revision) => {
      const repository = repositoryOf(request);
      const turn = repository.busy.then(() => read(repository, request, revision, known, () => transportOf(request)));
      repository.busy = turn.catch(() => undefined);
      return turn;
    },
    leave: (user) => {
      const before = usedBy.get(user);
      usedBy.delete(user);
      if (before !== undefined) letGo(before);
    },
    close: () => connections.destroy(),
  };
}

/** One small request: the server lists only the reference that is asked for. */
async function tip(request: SourceRequest, advertised: Advertised, transport: () => Transport): Promise<string> {
  const url = parseSourceUrl(request.url);
  const ask = async (): Promise<string | undefined> => {
    const http = remembering(transport(), advertised);
    const asked = git.listServerRefs({ http, url: url.href, prefix: request.ref, protocolVersion: 2 });
    return (await checked(http, asked)).find((ref) => ref.ref === request.ref)?.oid;
  };
  try {
    const isRemembered = advertised.v2 !== undefined;
    const found = await askedTwice(advertised, ask);
    if (found !== undefined) return found;
    // A server that does not speak v2 any more answers what looks like no reference at all.
    forgetAdvertised(advertised);
    const again = isRemembered ? await ask() : undefined;
    if (again !== undefined) return again;
  } catch (error) {
    throw sourceError(error, url);
  }
  throw new LockstepError(
    'RefNotFound',
    `${request.ref} is not in ${url.href}: it was deleted, or the repository is empty or uses SHA-256`,
  );
}

/** What a server said of itself before may not hold any more: then it is asked anew, once. */
async function askedTwice<T>(advertised: Advertised, ask: () => Promise<T>): Promise<T> {
  const isRemembered = advertised.v2 !== undefined || advertised.capabilities !== undefined;
  try {
    return await ask();
  } catch (error) {
    if (!isRemembered || isFinal(error)) throw error;
    forgetAdvertised(advertised);
    return ask();
  }
}

/** A server that is away, silent or sends too much does not become another one by being asked again. */
function isFinal(error: unknown): boolean {
  return error instanceof LockstepError;
}

async function checked<T>(http: Transport, result: Promise<T>): Promise<T> {
  const value = await result;
  http.check();
  return value;
}

async function read(
  repository: Repository,
  request: SourceRequest,
  revision: string,
  known: KnownTrees,
  transport: () => Transport,
): Promise<Snapshot> {
  const url = parseSourceUrl(request.url);
  const path = normalizePath(request.path);
  const reader = await obtain(repository, request, url, revision, transport);
  const commit = parseCommit(reader.read(revision).data.toString('utf8'), revision);
  const treeOid = findTree(reader, commit.tree, path);
  if (treeOid === undefined) {
    throw new LockstepError(
      'PathNotFound',
      `the folder ${JSON.stringify(request.path)} is not in ${url.href} at ${revision.slice(0, 12)}`,
    );
  }
  const slot = `${repository.gitdir} ${path}`;
  const current: ObjectReader = { read: (oid) => readFrom(repository.reader ?? reader, oid, url) };
  const tree = readTree(() => current, treeOid, known.get(slot) ?? new Map());
  known.set(slot, reachable(tree));
  return { commit: commit.shown, tree: treeOid, files: listFiles(tree) };
}

/** Files are read when they are needed: by then the copy may have been begun anew. */
function readFrom(reader: ObjectReader, oid: string, url: URL): ReturnType<ObjectReader['read']> {
  try {
    return reader.read(oid);
  } catch (error) {
    throw sourceError(error, url);
  }
}

/** Forgets the trees of earlier revisions, so that memory follows the newest one. */
function reachable(tree: Tree, into = new Map<string, Tree>()): Map<string, Tree> {
  into.set(tree.oid, tree);
  for (const folder of tree.folders.values()) reachable(folder, into);
  return into;
}

async function obtain(
  repository: Repository,
  request: SourceRequest,
  url: URL,
  revision: string,
  transport: () => Transport,
): Promise<ObjectReader> {
  if (repository.reader !== undefined && holds(repository.reader, revision)) return repository.reader;
  const { advertised } = repository;
  const known = { ref: request.ref, oid: revision };
  try {
    return await askedTwice(advertised, async () => {
      await fetch(repository, request, url, remembering(transport(), advertised, known));
      const reader = openPacks(repository.gitdir, repository.reader);
      repository.reader = reader;
      if (!holds(reader, revision)) throw new Error('it moved while it was read; it is tried again');
      return reader;
    });
  } catch (error) {
    if (isStorageTrouble(error)) await giveRoom(repository);
    throw sourceError(error, url);
  }
}

/** What was stored half is of no use: it makes room for other repositories, and is fetched anew. */
async function giveRoom(repository: Repository): Promise<void> {
  forget(repository);
  await fs.promises.rm(repository.gitdir, { recursive: true, force: true }).catch(() => undefined);
}

function holds(reader: ObjectReader, oid: string): boolean {
  try {
    reader.read(oid);
    return true;
  } catch {
    return false;
  }
}

/** Every fetch adds a pack, and isomorphic-git never merges them: after this many it is cheaper to begin again. */
const mostPacks = 200;

function forget(repository: Repository): void {
  repository.ready = false;
  repository.reader = undefined;
  repository.cache = {};
}

/**
 * The first fetch is shallow; each later one must not be (isomorphic-git would download everything again), and gets
 * just what is new.
 */
async function fetch(repository: Repository, request: SourceRequest, url: URL, http: Transport): Promise<void> {
  const { gitdir } = repository;
  const isLost = repository.ready && !fs.existsSync(join(gitdir, 'objects', 'pack'));
  if (isLost || (repository.reader?.opened.size ?? 0) >= mostPacks) forget(repository);
  if (!repository.ready) {
    await fs.promises.rm(gitdir, { recursive: true, force: true });
    await mkdir(join(gitdir, 'objects', 'pack'), { recursive: true });
    await git.init({ fs, gitdir, bare: true });
    await git.addRemote({ fs, gitdir, remote: 'origin', url: url.href, force: true });
  }
  const local = `refs/remotes/origin/${request.ref.replace(/^refs\/(heads|tags)\//, '')}`;
  const first = !repository.ready || !(await exists(gitdir, local));
  const { cache } = repository;
  const options = { fs, http, gitdir, cache, ref: local, remoteRef: request.ref, singleBranch: true, tags: false };
  await git.fetch(first ? { ...options, depth: 1 } : options);
  http.check();
  repository.ready = true;
}

async function exists(gitdir: string, ref: string): Promise<boolean> {
  return git.resolveRef({ fs, gitdir, ref }).then(
    () => true,
    () => false,
  );
}

/** Reads what is needed of a commit's headers and the first line of its message. */
function parseCommit(text: string, revision: string): { tree: string; shown: Commit } {
  const blank = text.indexOf('\n\n');
  const headers = text.slice(0, blank);
  const tree = /^tree ([0-9a-f]{40})$/m.exec(headers)?.[1];
  if (tree === undefined) throw new LockstepError('SourceUnsupported', `the commit ${revision} is broken`);
  const [, author = '', seconds = '0'] = /^author (.*?) <[^>]*> (\d+)/m.exec(headers) ?? [];
  const subject = text.slice(blank + 2).split('\n', 1)[0] ?? '';
  return {
    tree,
    shown: { revision, author, subject: subject.slice(0, 200), time: new Date(Number(seconds) * 1000).toISOString() },
  };
}
