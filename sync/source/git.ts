import { join } from 'node:path';
import { hashText } from '../../diff/hash.ts';
import { addressClasses } from '../addresses.ts';
import { LockstepError } from '../errors.ts';
import type { SourceRequest, Sources, SourceTip } from '../ports.ts';
import { addressRule, type Connections, openConnections } from './connections.ts';
import { type Copy, forgetCopy, newCopy } from './copy.ts';
import { followedText } from './follow.ts';
import { isSuccessor } from './history.ts';
import type { Credentials } from './login.ts';
import { askedOf, inTurn, type Remote } from './remote.ts';
import { sharing } from './sharing.ts';
import { readSnapshot } from './snapshot.ts';
import { openSshLogins } from './ssh.ts';
import { askTip } from './tips.ts';
import { type TransportLimits, transportDefaults } from './transport.ts';
import { httpTransport } from './transport-http.ts';
import { sshTransport } from './transport-ssh.ts';
import type { Tree } from './tree.ts';
import { sourceError } from './trouble.ts';
import { parseSourceUrl, serverOf } from './url.ts';

/** What reading Git repositories may cost, and where it may lead. */
export interface GitOptions {
  readonly limits?: TransportLimits;
  /** They are closed by who has opened them. */
  readonly connections?: Connections;
}

/** The copies that somebody uses: of the repository that they follow, and of its submodules. */
interface Use {
  main: Copy;
  others: ReadonlySet<Copy>;
}

/**
 * Reads Git repositories over HTTP and SSH. Only objects are stored on disk, never a work tree, and never a credential.
 * The folder is a cache: it may be lost at any time.
 */
export function createGitSources(
  folder: string,
  { limits = transportDefaults, connections: given }: GitOptions = {},
): Sources {
  const copies = new Map<string, Copy>();
  const uses = new Map<string, Use>();
  const known = new Map<string, Map<string, Tree>>();
  const connections = given ?? openConnections(addressRule(addressClasses));
  const logins = openSshLogins(connections.allows);
  const tips = sharing<SourceTip>(() => performance.now());

  function remoteOf(text: string, credentials: Credentials | undefined, owner: string): Remote {
    const url = parseSourceUrl(text);
    if (url.scheme === 'oci')
      throw new LockstepError(
        'SourceUnsupported',
        `${url.href} is no repository of Git: only https, http and ssh lead to one`,
      );
    const isSsh = url.scheme === 'ssh';
    const key = hashText(`${url.href} ${credentials?.fingerprint ?? ''}`);
    const copy = copies.get(key) ?? newCopy(key, join(folder, 'git', key));
    copies.set(key, copy);
    return {
      url,
      address: isSsh ? 'http://ssh.invalid/' : url.href,
      credentials,
      copy,
      owner,
      transport: () =>
        isSsh ? sshTransport(logins, url, credentials, limits) : httpTransport(connections, credentials, limits),
    };
  }

  /** Whoever follows another repository now, or logs in anew, lets go of the one before. */
  function mainOf({ url, credentials, user, owner }: SourceRequest): { remote: Remote; use: Use } {
    const remote = remoteOf(url, credentials, owner);
    const before = uses.get(user);
    if (before?.main === remote.copy) return { remote, use: before };
    const use: Use = { main: remote.copy, others: new Set() };
    uses.set(user, use);
    if (before !== undefined) for (const copy of [before.main, ...before.others]) letGo(copy);
    return { remote, use };
  }

  const isUsed = (copy: Copy): boolean =>
    [...uses.values()].some(({ main, others }) => main === copy || others.has(copy));

  /** Forgets a copy that nobody uses, once nobody reads it; who asks for it meanwhile waits, and fetches it anew. */
  function letGo(copy: Copy): void {
    if (isUsed(copy)) return;
    const removed = copy.busy.then(async () => {
      const isGone = (): boolean => copies.get(copy.key) !== copy;
      if (isUsed(copy) || isGone()) return;
      for (const slot of known.keys()) if (slot.startsWith(`${copy.key} `)) known.delete(slot);
      await forgetCopy(copy);
      if (!isUsed(copy) && !isGone()) copies.delete(copy.key);
    });
    copy.busy = removed.catch(() => undefined);
  }

  /** Credentials are for one server, and go to no other. */
  function open(url: string, beside: Remote, request: SourceRequest): Remote {
    const parsed = parseSourceUrl(url);
    if (!request.allows(parsed.href))
      throw new LockstepError('NotAllowed', `the submodule at ${parsed.href} is not allowed as a source`);
    const isSame = serverOf(parsed) === serverOf(beside.url);
    return remoteOf(url, isSame ? beside.credentials : undefined, request.owner);
  }

  return {
    tip: async (request) => {
      const { remote } = mainOf(request);
      const key = `${remote.copy.key} ${followedText(request.followed)}`;
      try {
        return await tips(key, () => askTip(askedOf(remote), request.followed), request.maxAge);
      } catch (error) {
        throw sourceError(error, remote.url.href);
      }
    },
    read: async (request, tip, trust) => {
      const { remote, use } = mainOf(request);
      const before = use.others;
      const others = new Set<Copy>();
      const opened = (url: string, beside: Remote): Remote => {
        const other = open(url, beside, request);
        others.add(other.copy);
        use.others = new Set([...before, ...others]);
        return other;
      };
      const snapshot = await readSnapshot(remote, request, tip, trust, { known, open: opened });
      use.others = others;
      for (const copy of before) letGo(copy);
      return snapshot;
    },
    follows: (request, revision, before) => {
      const { remote } = mainOf(request);
      return inTurn(remote, () => isSuccessor(remote, revision, before));
    },
    leave: (user) => {
      const before = uses.get(user);
      uses.delete(user);
      if (before !== undefined) for (const copy of [before.main, ...before.others]) letGo(copy);
    },
    close: async () => {
      logins.close();
      if (given === undefined) await connections.close();
    },
  };
}
