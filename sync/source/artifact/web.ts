import type { Dispatcher } from 'undici';
import { LockstepError } from '../../errors.ts';
import { type Connections, requireAllowed } from '../connections.ts';
import { type Credentials, elsewhere } from '../login.ts';
import { capped, collect } from '../transport.ts';
import { unreachable } from '../transport-http.ts';

/** What is asked of a server. */
export interface WebRequest {
  readonly method?: 'GET' | 'HEAD';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The header, for this server only. */
  readonly authorization: string | undefined;
  /** Certificates and the proxy. */
  readonly credentials: Credentials | undefined;
  /** The most bytes of the answer. */
  readonly maxBytes: number;
}

export interface WebAnswer {
  readonly status: number;
  /** Of the server that answered in the end. */
  readonly origin: string;
  header(name: string): string | undefined;
  readonly body: Buffer;
}

/** Asks servers that hand out files. @throws LockstepError SourceUnreachable, SourceTooLarge, NotAllowed */
export type Web = (request: WebRequest) => Promise<WebAnswer>;

const deadline = 60_000;
const maxRedirects = 3;

/**
 * Registries send on to where their files are stored: to another server then goes neither a login nor a certificate, and
 * from https never to http. Whoever was sent away and back has no login any more.
 */
export function openWeb(connections: Connections): Web {
  return async (request) => {
    const signal = AbortSignal.timeout(deadline);
    const start = new URL(request.url);
    let url = start;
    let isHome = true;
    for (let hop = 0; hop <= maxRedirects; hop += 1) {
      isHome &&= url.origin === start.origin;
      const answer = await send(connections, url, isHome, request, signal);
      if (!isRedirect(answer.statusCode)) return read(answer, url, request, signal);
      await answer.body.dump();
      url = target(url, answer.headers['location']);
    }
    throw new LockstepError('SourceUnreachable', `the server ${start.host} redirects more than ${maxRedirects} times`);
  };
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

async function send(
  connections: Connections,
  url: URL,
  isHome: boolean,
  { method = 'GET', headers, authorization, credentials }: WebRequest,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  try {
    if (credentials?.proxy === undefined) requireAllowed(connections.allows, url.hostname);
    return await connections.of(isHome ? credentials : elsewhere(credentials)).request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: {
        'user-agent': 'lockstep',
        ...headers,
        ...(authorization === undefined || !isHome ? {} : { authorization }),
      },
      headersTimeout: deadline,
      bodyTimeout: deadline,
      signal,
    });
  } catch (error) {
    throw unreachable(url.host, error, signal);
  }
}

async function read(
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
  { host, origin }: URL,
  { maxBytes }: WebRequest,
  signal: AbortSignal,
): Promise<WebAnswer> {
  const limits = { deadline, maxBytes, maxRedirects };
  const fail = (error: Error): never => {
    throw error;
  };
  const all = await collect(capped({ host, limits, signal, fail }, body));
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  return { status, origin, header, body: all };
}

function target(from: URL, location: string | string[] | undefined): URL {
  const to = typeof location === 'string' && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const isDowngrade = to?.protocol !== 'https:' && !(to?.protocol === 'http:' && from.protocol === 'http:');
  if (to === undefined || isDowngrade || to.username !== '' || to.password !== '')
    throw new LockstepError('SourceUnreachable', `the server ${from.host} redirects to where it must not`);
  return to;
}
