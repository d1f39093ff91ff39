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
  /** That header for registries, by their hosts, where the Secret is one of several registries. */
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
