import { createHmac } from 'node:crypto';
import { fitsInOrder } from './glob.ts';

/** A key of a server, as a line of known_hosts names it. */
export interface HostKey {
  readonly type: string;
  /** As it goes over the wire, in base64. */
  readonly key: string;
}

/** What known_hosts says of a server. */
export interface KnownHost {
  readonly keys: readonly HostKey[];
  /** Keys that must not be accepted, whatever else stands there. */
  readonly revoked: readonly HostKey[];
}

/**
 * The keys that a file known_hosts names for a server (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): names, patterns, other
 * ports, and hashed names. Lines for certificate authorities are not read.
 */
export function keysOf(knownHosts: string, hostname: string, port: number): KnownHost {
  const name = port === 22 ? hostname : `[${hostname}]:${port}`;
  const keys: HostKey[] = [];
  const revoked: HostKey[] = [];
  for (const line of knownHosts.split(/\r?\n/)) {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [hosts = '', type = '', key = ''] = words;
    if (hosts === '' || hosts.startsWith('#') || key === '' || marker === '@cert-authority') continue;
    if (isNamed(hosts, name)) (marker === '@revoked' ? revoked : keys).push({ type, key });
  }
  return { keys, revoked };
}

function isNamed(hosts: string, name: string): boolean {
  if (hosts.startsWith('|1|')) return isHashOf(hosts, name);
  let isFound = false;
  for (const pattern of hosts.toLowerCase().split(',')) {
    const isNot = pattern.startsWith('!');
    if (!fits(isNot ? pattern.slice(1) : pattern, name)) continue;
    if (isNot) return false;
    isFound = true;
  }
  return isFound;
}

function isHashOf(hosts: string, name: string): boolean {
  const [, , salt = '', hash = ''] = hosts.split('|');
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
}

const ofLetters = {
  isStar: (letter: string): boolean => letter === '*',
  fits: (letter: string, given: string): boolean => letter === '?' || letter === given,
};

/** `*` stands for anything and `?` for one letter. */
function fits(pattern: string, name: string): boolean {
  return fitsInOrder([...pattern], [...name], ofLetters, () => undefined);
}

/** The ways in which a server may show that it holds one of these keys. */
export function algorithmsOf(keys: readonly HostKey[]): string[] {
  const named = keys.flatMap(({ type }) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
  return [...new Set(named)];
}

/** Whether a server showed a key that is known. */
export function isKnownKey({ keys, revoked }: KnownHost, shown: Buffer): boolean {
  const key = shown.toString('base64');
  return keys.some((one) => one.key === key) && !revoked.some((one) => one.key === key);
}
