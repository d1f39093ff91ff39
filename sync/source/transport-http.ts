import type { GitHttpRequest, GitHttpResponse } from 'isomorphic-git';
import type { Dispatcher } from 'undici';
import { LockstepError } from '../errors.ts';
import { type Connections, ForbiddenAddress, requireAllowed } from './connections.ts';
import type { Credentials } from './login.ts';
import { type Conversation, capped, collect, type Transport, type TransportLimits } from './transport.ts';

interface Exchange extends Conversation {
  readonly request: GitHttpRequest;
  readonly body: Buffer | undefined;
  readonly credentials: Credentials | undefined;
  readonly connections: Connections;
}

/**
 * Git over HTTP with an overall deadline and a cap on bytes. Redirects stay on the same origin, so that credentials never
 * travel to another one.
 */
export function httpTransport(
  connections: Connections,
  credentials: Credentials | undefined,
  limits: TransportLimits,
): Transport {
  let failure: LockstepError | undefined;
  const fail = (error: LockstepError): never => {
    failure = error;
    throw error;
  };
  return {
    request: async (request) => {
      const body = request.body === undefined ? undefined : await collect(request.body);
      const signal = AbortSignal.timeout(limits.deadline);
      const { host } = new URL(request.url);
      return follow({ request, body, credentials, connections, limits, signal, fail, host });
    },
    check: () => {
      if (failure !== undefined) throw failure;
    },
  };
}

async function follow(exchange: Exchange): Promise<GitHttpResponse> {
  const { request, limits } = exchange;
  let url = new URL(request.url);
  for (let hop = 0; hop <= limits.maxRedirects; hop += 1) {
    const response = await send(url, exchange);
    if (response.statusCode < 300 || response.statusCode >= 400) return answer(url, exchange, response);
    await response.body.dump();
    url = redirectTarget(url, response.headers['location']);
  }
  throw new LockstepError('SourceUnreachable', `the Git server redirects more than ${limits.maxRedirects} times`);
}

async function send(url: URL, exchange: Exchange): Promise<Dispatcher.ResponseData> {
  const { request, body, credentials, connections, limits, signal } = exchange;
  try {
    if (credentials?.proxy === undefined) requireAllowed(connections.allows, url.hostname);
    return await connections.of(credentials).request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: request.method === 'POST' ? 'POST' : 'GET',
      headers: {
        ...request.headers,
        'user-agent': 'git/lockstep',
        ...(credentials?.authorization === undefined ? {} : { authorization: credentials.authorization }),
      },
      headersTimeout: limits.deadline,
      bodyTimeout: limits.deadline,
      signal,
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    throw unreachable(url.host, error, signal);
  }
}

/** Why a server can't be reached. */
export function unreachable(host: string, error: unknown, signal: AbortSignal): LockstepError {
  if (error instanceof LockstepError) return error;
  if (error instanceof ForbiddenAddress)
    return new LockstepError('NotAllowed', `the server ${host} is not asked: ${error.message}`, { cause: error });
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
  const why = signal.aborted ? 'did not answer within the deadline' : `can't be reached (${code})`;
  return new LockstepError('SourceUnreachable', `the server ${host} ${why}`, { cause: error });
}

function redirectTarget(from: URL, location: string | string[] | undefined): URL {
  const target =
    typeof location === 'string' && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (target === undefined || target.origin !== from.origin) {
    throw new LockstepError(
      'SourceUnreachable',
      `the Git server ${from.host} redirects to another origin; name the final URL in spec.source.url`,
    );
  }
  return target;
}

function answer(url: URL, exchange: Exchange, response: Dispatcher.ResponseData): GitHttpResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  }
  return {
    url: url.href,
    method: exchange.request.method ?? 'GET',
    statusCode: response.statusCode,
    statusMessage: String(response.statusCode),
    headers,
    body: capped(exchange, response.body),
  };
}
