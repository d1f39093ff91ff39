import { LockstepError } from '../errors.ts';

/** Where a repository is, read and checked. */
export interface SourceUrl {
  readonly scheme: 'http' | 'https' | 'ssh' | 'oci';
  /** The whole in one form, as it is shown: a user only for SSH, never a password. */
  readonly href: string;
  /** Lower case, without a final dot; IPv6 addresses without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Who logs in over SSH. */
  readonly user: string;
  /** What the server is asked for. Over SSH, a path that begins with a tilde or no slash is below somebody's home. */
  readonly path: string;
}

const ports = { 'http:': 80, 'https:': 443, 'ssh:': 22, 'oci:': 443 } as const;

/** `git@host:path`, as scp writes it. */
const scpForm = /^([\w.~][\w.~-]*)@(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][\w.-]*):([^\s]+)$/;

/**
 * Reads the URL of a repository: https, http, ssh, the form of scp, or oci. Everything else, local paths and helper programs
 * included, is refused.
 * @param field where it stands
 * @throws LockstepError SourceUnsupported, InvalidSpec
 */
export function parseSourceUrl(text: string, field = 'spec.source.url'): SourceUrl {
  const scp = text.includes('://') ? null : scpForm.exec(text);
  if (scp !== null) return sshUrl(scp[1] ?? '', scp[2] ?? '', '', scp[3] ?? '', text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new LockstepError('InvalidSpec', `${field} is no URL: ${JSON.stringify(text)}`);
  if (!isKnown(url.protocol)) {
    throw new LockstepError(
      'SourceUnsupported',
      `${field} has the scheme ${url.protocol} and only https, http, ssh and oci are supported`,
    );
  }
  requireNoLogin(url, field);
  if (url.protocol === 'oci:') return ociUrl(url, field);
  if (url.protocol === 'ssh:') return sshUrl(url.username || 'git', url.hostname, url.port, url.pathname, text);
  const host = url.hostname.replace(/\.$/, '');
  return {
    scheme: url.protocol === 'http:' ? 'http' : 'https',
    href: url.href,
    hostname: host.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || ports[url.protocol],
    user: '',
    path: url.pathname,
  };
}

/** @throws LockstepError InvalidSpec; only SSH has users */
function requireNoLogin({ protocol, username, password }: URL, field: string): void {
  if (password === '' && (protocol === 'ssh:' || username === '')) return;
  throw new LockstepError('InvalidSpec', `${field} must not hold a user or password; name a Secret by secretRef`);
}

/** As the distribution specification of OCI names repositories. */
const repositoryName = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;

function ociUrl({ hostname, port, pathname, search, hash }: URL, field: string): SourceUrl {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  const name = pathname.replace(/^\//, '');
  if (!hostName.test(host) || !repositoryName.test(name) || name.length > 255 || search !== '' || hash !== '')
    throw new LockstepError(
      'InvalidSpec',
      `${field} is no repository of a registry, such as oci://ghcr.io/team/app, without a tag: ${JSON.stringify(name)}`,
    );
  const shownPort = port === '' || port === '443' ? '' : `:${port}`;
  return {
    scheme: 'oci',
    href: `oci://${host}${shownPort}/${name}`,
    hostname: host.replace(/^\[|\]$/g, ''),
    port: Number(port) || ports['oci:'],
    user: '',
    path: `/${name}`,
  };
}

function isKnown(protocol: string): protocol is keyof typeof ports {
  return Object.hasOwn(ports, protocol);
}

/** Git programs that run another one would take a host that begins with a dash for an option; here it is just no host. */
const hostName = /^(\[[0-9a-f:.]+\]|[a-z0-9_][a-z0-9._-]*)$/;

function sshUrl(user: string, givenHost: string, port: string, path: string, text: string): SourceUrl {
  const host = givenHost.toLowerCase().replace(/\.$/, '');
  const decoded = percentDecoded(path);
  const isBroken = decoded === undefined || /[\0\r\n]/.test(decoded) || decoded === '' || decoded === '/';
  if (!hostName.test(host) || !/^[\w.~][\w.~-]*$/.test(user) || isBroken)
    throw new LockstepError('InvalidSpec', `spec.source.url is no URL of a repository: ${JSON.stringify(text)}`);
  // `ssh://host/~/repo` is below the home of whoever logs in.
  const asked = decoded.startsWith('/~') ? decoded.slice(1) : decoded;
  const shownPort = port === '' || port === '22' ? '' : `:${port}`;
  const shownPath = decoded.startsWith('/') ? decoded : `/${decoded}`;
  return {
    scheme: 'ssh',
    href: `ssh://${user}@${host}${shownPort}${shownPath}`,
    hostname: host.replace(/^\[|\]$/g, ''),
    port: Number(port) || ports['ssh:'],
    user,
    path: asked,
  };
}

function percentDecoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Where a chart of a registry is, or of a repository of charts what is asked for below it. */
export function chartUrl(repository: string, chart: string): string {
  return `${repository.replace(/\/+$/, '')}/${chart}`;
}

/** The server that credentials are for: scheme, host and port. */
export function serverOf({ scheme, hostname, port }: SourceUrl): string {
  return `${scheme}://${hostname}:${port}`;
}

/** Git's own rules for the names of references (git check-ref-format), for the part after refs/heads/. */
export function isValidRefName(name: string): boolean {
  if (name === '' || name.length > 1000 || name.startsWith('-')) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$|^\/|^@$/.test(name)) return false;
  return name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

/**
 * The path inside the repository, without dots and slashes at its ends; empty for the root.
 * @throws LockstepError InvalidSpec when it would leave the repository
 */
export function normalizePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/') || parts.includes('..') || path.includes('\\') || path.includes('\0')) {
    throw new LockstepError('InvalidSpec', `spec.source.path must stay inside the repository: ${JSON.stringify(path)}`);
  }
  return parts.join('/');
}
