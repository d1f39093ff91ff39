import git from 'isomorphic-git';
import { LockstepError } from '../errors.ts';
import type { SourceTip } from '../ports.ts';
import { type Advertised, forgetAdvertised, isSha256, remembering } from './advertisement.ts';
import { chooseRef, type Followed, followedText, type ListedRef, prefixOf } from './follow.ts';
import { narrowed } from './narrow.ts';
import type { Transport } from './transport.ts';

/** A server, and what it said of itself. */
export interface Asked {
  /** Of the repository, as isomorphic-git takes it. */
  readonly url: string;
  /** As it is shown. */
  readonly href: string;
  readonly advertised: Advertised;
  readonly transport: () => Transport;
}

/**
 * Asks a server what is followed there now. One small request: it lists only the references that matter.
 * @throws LockstepError RefNotFound, RepositoryEmpty, SourceUnsupported, or what the transport throws
 */
export async function askTip(asked: Asked, followed: Followed): Promise<SourceTip> {
  if (followed.kind === 'commit') return { revision: followed.oid, ref: undefined, object: followed.oid };
  const found = chooseRef(followed, await listTwice(asked, prefixOf(followed)));
  if (found !== undefined) return { revision: found.peeled ?? found.oid, ref: found.name, object: found.oid };
  throw await whyNot(asked, followed);
}

/** What a server said of itself before may not hold any more: then it is asked anew, once. */
async function listTwice(asked: Asked, prefix: string): Promise<ListedRef[]> {
  const isRemembered = asked.advertised.v2 !== undefined;
  try {
    const listed = await list(asked, prefix);
    // A server that does not speak v2 any more answers what looks like no reference at all.
    if (listed.length > 0 || !isRemembered) return listed;
  } catch (error) {
    if (!isRemembered || error instanceof LockstepError) throw error;
  }
  forgetAdvertised(asked.advertised);
  return list(asked, prefix);
}

async function list({ url, advertised, transport }: Asked, prefix: string): Promise<ListedRef[]> {
  const http = remembering(narrowed(transport(), prefix), advertised);
  const refs = await git.listServerRefs({ http, url, prefix, peelTags: true, protocolVersion: 2 });
  http.check();
  // An older server lists all that it has.
  return refs
    .filter(({ ref, oid, peeled = oid }) => ref.startsWith(prefix) && isOid(oid) && isOid(peeled))
    .map(({ ref: name, oid, peeled }) => ({ name, oid, peeled }));
}

/** Ids of SHA-1: what a server says is passed on to people. */
function isOid(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** What is not there may have been deleted, or never have been: what is there instead says more. */
async function whyNot(asked: Asked, followed: Followed): Promise<LockstepError> {
  const { href, advertised } = asked;
  if (isSha256(advertised))
    return new LockstepError(
      'SourceUnsupported',
      `${href} is a repository of SHA-256, which this version does not read`,
    );
  const wanted = followedText(followed);
  const folder = followed.kind === 'semver' || wanted.startsWith('refs/tags/') ? 'refs/tags/' : 'refs/heads/';
  const names = (await listToTell(asked, folder))?.map(({ name }) => name);
  if (names?.length === 0 && (await listToTell(asked, 'refs/'))?.length === 0)
    return new LockstepError('RepositoryEmpty', `${href} holds no commit yet`);
  const isMissing = followed.kind === 'semver' ? 'is fulfilled by no tag of' : 'is not in';
  return new LockstepError('RefNotFound', `${wanted} ${isMissing} ${href}${tell(folder, names)}`);
}

function tell(folder: string, names: readonly string[] | undefined): string {
  if (names === undefined) return '';
  if (names.length === 0) return `; there is nothing in ${folder}`;
  const few = names.slice(-5).map((name) => name.slice(folder.length, folder.length + 100));
  return `; there is ${few.join(', ')}${names.length > 5 ? ', …' : ''}`;
}

/** What is only listed to be told may be too much for that. */
async function listToTell(asked: Asked, prefix: string): Promise<ListedRef[] | undefined> {
  try {
    return await list(asked, prefix);
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'SourceTooLarge') return undefined;
    throw error;
  }
}
