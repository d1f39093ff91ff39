import type { SourceUrl } from './url.ts';

/** Secrets in the namespace of a Delivery. */
export interface CredentialNames {
  /** How to log in. */
  readonly secret?: string | undefined;
  /** The proxy on the way. */
  readonly proxy?: string | undefined;
}

/** How to log in to a server. */
export interface Credentials {
  /** The header of HTTP. */
  readonly authorization: string | undefined;
  /** That header for servers that the Secret itself names, by what `loginKey` calls them. */
  readonly registries?: ReadonlyMap<string, string>;
  readonly ssh?: {
    /** The private key. */
    readonly identity: string;
    readonly passphrase: string | undefined;
    readonly knownHosts: string;
  };
  /** Certificates, in PEM: of whom to trust, and of whom to be. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** The URL of a proxy, with user and password. */
  readonly proxy?: string;
  /** Tells two credentials apart without holding them. */
  readonly fingerprint: string;
}

/** What is left of a login for a server that it is not for: whom to trust, the way there, and logins that name their server. */
export function elsewhere(credentials: Credentials | undefined): Credentials | undefined {
  if (credentials === undefined) return undefined;
  const { registries, tls, proxy, fingerprint } = credentials;
  return {
    authorization: undefined,
    ...(registries === undefined ? {} : { registries }),
    ...(tls?.ca === undefined ? {} : { tls: { ca: tls.ca } }),
    ...(proxy === undefined ? {} : { proxy }),
    fingerprint: `${fingerprint} elsewhere`,
  };
}

/** Docker's own registry has several names. */
const hub: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** What tells logins apart: scheme, host, port and path of a server. */
export type LoginPlace = Pick<SourceUrl, 'scheme' | 'hostname' | 'port' | 'path'>;

/** How the login for a server is called, and for all that is below its path: `https://ghcr.io:443/team`. */
export function loginKey({ scheme, hostname, port, path }: LoginPlace): string {
  const host = hub.has(hostname) ? 'docker.io' : hostname;
  const below = path.replace(/^\/v[12]\/?$/, '').replace(/\/+$/, '');
  return `${scheme === 'oci' ? 'https' : scheme}://${host}:${port}${below}`;
}

/**
 * The login for a server: the one that the Secret has for it by name, or the one that names none. A login for https is never
 * sent without TLS.
 * @param isPlain whether somebody has said that this very server is asked without TLS
 */
export function loginFor(credentials: Credentials | undefined, place: LoginPlace, isPlain = false): string | undefined {
  const names = place.path.split('/').filter((name) => name !== '');
  const paths = names.map((_name, index) => `/${names.slice(0, names.length - index).join('/')}`).concat('');
  const schemes = isPlain ? (['http', 'https'] as const) : [place.scheme];
  const keys = schemes.flatMap((scheme) => paths.map((path) => loginKey({ ...place, scheme, path })));
  return keys.map((key) => credentials?.registries?.get(key)).find(isText) ?? credentials?.authorization;
}

function isText(value: string | undefined): value is string {
  return value !== undefined;
}

/** A public key, and where it stands. */
export interface TrustedKey {
  readonly name: string;
  readonly text: string;
}

/** Where public keys stand, in the namespace of a Delivery. */
export interface KeyPlaces {
  readonly secret: string | undefined;
  readonly configMap: string | undefined;
}

/** Whose signatures count, and where they must be. */
export interface Trust {
  readonly mode: 'HEAD' | 'Tag' | 'TagAndHEAD';
  readonly keys: readonly TrustedKey[];
}
