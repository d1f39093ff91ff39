import { textAt } from '../../../diff/json.ts';
import { forgetOldest } from '../../bounded.ts';
import { LockstepError } from '../../errors.ts';
import { type Credentials, elsewhere, loginFor } from '../login.ts';
import { parseSourceUrl } from '../url.ts';
import type { Web } from './web.ts';

/** A repository of a registry, and how to log in there. */
export interface RegistryPlace {
  /** `oci://host/path`. */
  readonly url: string;
  readonly credentials: Credentials | undefined;
  /** Whether it is asked without TLS. */
  readonly isPlain: boolean;
}

/** How one logs in to registries: by a password, or by tokens that another server makes of it. Kept in memory only. */
export interface RegistryTokens {
  /** The header that was right before; undefined for the first question. */
  known(place: RegistryPlace): string | undefined;
  /**
   * Does what the registry asks for.
   * @param challenge its own `WWW-Authenticate`, and of nobody that it sent on to
   * @throws LockstepError SourceUnauthorized
   */
  renew(place: RegistryPlace, challenge: string): Promise<string | undefined>;
}

/** More are not kept. */
const mostKept = 500;
const maxAnswer = 1024 * 1024;

export function openRegistryTokens(web: Web): RegistryTokens {
  const kept = new Map<string, string>();

  function keep(place: RegistryPlace, header: string): string {
    kept.set(placeKey(place), header);
    forgetOldest(kept, mostKept);
    return header;
  }

  return {
    known: (place) => kept.get(placeKey(place)),
    renew: async (place, challenge) => {
      kept.delete(placeKey(place));
      const login = loginFor(place.credentials, parseSourceUrl(place.url), place.isPlain);
      if (/^basic\b/i.test(challenge)) {
        if (login === undefined) throw refused(place, 'asks for a login, and no Secret is named');
        return keep(place, login);
      }
      const { realm, service, scope } = parametersOf(challenge);
      if (!/^bearer\b/i.test(challenge) || realm === undefined)
        throw refused(place, 'asks for a login of an unknown form');
      return keep(place, `Bearer ${await askToken(web, place, login, { realm, service, scope })}`);
    },
  };
}

/** A place, and by which login it is read: what one has fetched is for nobody else. */
export function placeKey({ url, credentials, isPlain }: RegistryPlace): string {
  return `${url} ${credentials?.fingerprint ?? ''} ${isPlain}`;
}

interface Challenge {
  readonly realm: string;
  readonly service: string | undefined;
  readonly scope: string | undefined;
}

async function askToken(
  web: Web,
  place: RegistryPlace,
  login: string | undefined,
  { realm, service, scope }: Challenge,
): Promise<string> {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const isSafe = url?.protocol === 'https:' || (place.isPlain && url?.protocol === 'http:');
  if (url === undefined || !isSafe) throw refused(place, 'sends for a token to what is no https address');
  if (service !== undefined) url.searchParams.set('service', service);
  if (scope !== undefined) url.searchParams.set('scope', scope);
  // The registry says who makes tokens of its logins. A certificate is for the registry alone.
  const { hostname, port } = parseSourceUrl(place.url);
  const isHome = url.hostname.replace(/^\[|\]$/g, '') === hostname && (Number(url.port) || 443) === port;
  const credentials = isHome ? place.credentials : elsewhere(place.credentials);
  const answer = await web({ url: url.href, authorization: login, credentials, maxBytes: maxAnswer });
  const token = answer.status === 200 ? tokenIn(answer.body) : undefined;
  if (token === undefined) throw refused(place, `gives no token: HTTP ${answer.status} of ${url.host}`);
  return token;
}

function tokenIn(body: Buffer): string | undefined {
  try {
    const said = JSON.parse(body.toString('utf8'));
    const token = textAt(said, 'token') ?? textAt(said, 'access_token');
    return token !== undefined && /^[\x21-\x7e]+$/.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}

function refused({ url }: RegistryPlace, why: string): LockstepError {
  return new LockstepError('SourceUnauthorized', `the registry of ${url} ${why}`);
}

/** `Bearer realm="…",service="…"`. */
function parametersOf(challenge: string): Readonly<Partial<Record<'realm' | 'service' | 'scope', string>>> {
  const found = [...challenge.matchAll(/\b(realm|service|scope)="([^"]*)"/g)].map(([, name = '', value = '']) => [
    name,
    value,
  ]);
  return Object.fromEntries(found);
}
