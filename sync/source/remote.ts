import { LockstepError } from '../errors.ts';
import { forgetAdvertised } from './advertisement.ts';
import { type Copy, fetchHistory, fetchInto, forgetCopy, type Wanted } from './copy.ts';
import type { Followed } from './follow.ts';
import type { Credentials } from './login.ts';
import type { ObjectReader } from './pack.ts';
import { type Asked, askTip } from './tips.ts';
import type { Transport } from './transport.ts';
import { isStorageTrouble, sourceError } from './trouble.ts';
import { NotOurs } from './upload-pack.ts';
import type { SourceUrl } from './url.ts';

/** A repository, the way to it, and what is here of it. */
export interface Remote {
  readonly url: SourceUrl;
  /** Of the repository, in the words of HTTP. */
  readonly address: string;
  readonly credentials: Credentials | undefined;
  readonly copy: Copy;
  /** Who reads it: whose share of the machine is taken. */
  readonly owner: string;
  readonly transport: () => Transport;
}

export function askedOf({ address, url, copy, transport }: Remote): Asked {
  return { url: address, href: url.href, advertised: copy.advertised, transport };
}

/** Does something when all that was begun before with this copy has ended: one fetch at a time. */
export function inTurn<T>({ copy }: Remote, work: () => Promise<T>): Promise<T> {
  const turn = copy.busy.then(work);
  copy.busy = turn.catch(() => undefined);
  return turn;
}

/**
 * The objects of a repository. They are read when they are needed: by then the copy may have been begun anew.
 * @throws LockstepError
 */
export function objectsOf({ copy, url }: Remote): ObjectReader {
  return {
    has: (oid) => copy.reader.has(oid),
    read: (oid) => {
      try {
        return copy.reader.read(oid);
      } catch (error) {
        throw sourceError(error, url.href);
      }
    },
  };
}

/**
 * Makes sure that a commit is here.
 * @throws LockstepError
 */
export async function obtain(remote: Remote, followed: Followed, wanted: Wanted): Promise<void> {
  const { copy, url } = remote;
  const isHere = (): boolean => copy.reader.has(wanted.object) && copy.reader.has(wanted.commit);
  if (isHere()) return;
  try {
    await fetchTwice(remote, wanted).catch((error: unknown) => fetchFromBranch(remote, followed, error));
    if (!isHere()) throw new Error('it moved while it was read; it is tried again');
  } catch (error) {
    if (isStorageTrouble(error)) await forgetCopy(copy).catch(() => undefined);
    const isMoved = error instanceof NotOurs && followed.kind !== 'commit';
    if (isMoved) throw sourceError(new Error('it moved while it was read; it is tried again'), url.href);
    throw sourceError(error, url.href);
  }
}

/** Servers that hand out no single commits hand out branches. */
async function fetchFromBranch(remote: Remote, followed: Followed, refusal: unknown): Promise<void> {
  if (!(refusal instanceof NotOurs) || followed.kind !== 'commit') throw refusal;
  const { copy, address, owner, transport } = remote;
  const { revision } = await askTip(askedOf(remote), { kind: 'ref', name: followed.branch });
  await fetchHistory(copy, transport(), address, revision, owner);
  if (!copy.reader.has(followed.oid))
    throw new NotOurs(`${followed.oid} is not in the history of ${followed.branch} either`);
}

/** What a server said of itself before may not hold any more: then it is asked anew, once. */
async function fetchTwice({ copy, address, owner, transport }: Remote, wanted: Wanted): Promise<void> {
  const { advertised } = copy;
  const isRemembered = advertised.v2 !== undefined || advertised.capabilities !== undefined;
  try {
    await fetchInto(copy, transport(), address, wanted, owner);
  } catch (error) {
    // A server that is away, silent or sends too much does not become another one by being asked again.
    if (!isRemembered || error instanceof LockstepError || error instanceof NotOurs || isStorageTrouble(error))
      throw error;
    forgetAdvertised(advertised);
    await fetchInto(copy, transport(), address, wanted, owner);
  }
}
