import { isIP } from 'node:net';
import { Problem } from './problems.ts';

/** What is known of a request before it is looked at any further. */
export interface Head {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly contentType: string | undefined;
}

/**
 * Refuses what a page in somebody's browser might send. A name in `Host` that is none of ours means that a foreign name
 * was made to point here; an address can't be.
 * @param names the host names by which this is reached, beside addresses and localhost
 * @throws Problem HostNotAllowed
 */
export function guardHost({ host }: Pick<Head, 'host'>, names: readonly string[]): void {
  const name = hostName(host);
  if (name === undefined) throw new Problem('HostNotAllowed', 'the header Host is missing or names no host');
  const isOurs = name === 'localhost' || isIP(name) !== 0 || names.some((own) => own.toLowerCase() === name);
  if (!isOurs) throw new Problem('HostNotAllowed', `the host ${JSON.stringify(name.slice(0, 253))} is not known here`);
}

/**
 * What changes something comes from a program, or from a page of this very host, and says that it is JSON: no form and no
 * image of another site can do that.
 * @throws Problem OriginNotAllowed, UnsupportedMediaType
 */
export function guardWrite({ method, host, origin, contentType }: Head): void {
  if (method !== 'POST') return;
  if (origin !== undefined && !isSameOrigin(origin, host))
    throw new Problem('OriginNotAllowed', 'the request comes from a page of another site');
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    throw new Problem('UnsupportedMediaType', 'the header content-type must be application/json');
}

function hostName(host: string | undefined): string | undefined {
  if (host === undefined || !/^[\w.:[\]-]+$/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function isSameOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host;
}
