import type { GitHttpRequest, GitHttpResponse, HttpClient } from 'isomorphic-git';
import { Agent, type Dispatcher } from 'undici';
import { LockstepError } from '../errors.ts';

/** What one conversation with a Git server may cost. Milliseconds and bytes. */
export interface TransportLimits {
  readonly deadline: number;
  readonly maxBytes: number;
  readonly maxRedirects: number;
}

export const transportDefaults: TransportLimits = { deadline: 60_000, maxBytes: 256 * 1024 * 1024, maxRedirects: 3 };

/** The connections to Git servers. */
export type Connections = Dispatcher;

/** A pool of kept-alive connections, for all Git servers together. */
export function openConnections(): Connections {
  return new Agent({ connect: { timeout: 10_000 }, keepAliveTimeout: 60_000, connections: 8 });
}

interface Conversation {
  readonly request: GitHttpRequest;
  readonly body: Buffer | undefined;
  readonly authorization: string | undefined;
  readonly connections: Connections;
  readonly limits: TransportLimits;
  readonly signal: AbortSignal;
  readonly fail: (error: LockstepError) => never;
}

/** Git's HTTP client, and what went wrong in it. */
export interface Transport extends HttpClient {
  /** @throws LockstepError when an answer broke off: isomorphic-git takes that for the end of the answer */
  check(): void;
}

/**
 * Git over HTTP with an overall deadline and a cap on bytes. Redirects stay on the same origin, so that credentials never
 * travel to another one.
 */
export function createTransport(
  connections: Connections,
  authorization: string | undefined,
  limits: TransportLimits,
): Transport {
  let failure: LockstepError | undefined;
  const fail = (error: LockstepError): never => {
    failure = error;
    throw error;
  };
  return {
    request: async (request) => {
      const body = request.body === undefined ? undefined : Buffer.concat(await collect(request.body));
      const signal = AbortSignal.timeout(limits.deadline);
      return follow({ request, body, authorization, connections, limits, signal, fail });
    },
    check: () => {
      if (failure !== undefined) throw failure;
    },
  };
}

async function collect(parts: AsyncIterableIterator<Uint8Array> | Uint8Array[]): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

async function follow(conversation: Conversation): Promise<GitHttpResponse> {
  const { request, limits } = conversation;
  let url = new URL(request.url);
  for (let hop = 0; hop <= limits.maxRedirects; hop += 1) {
    const response = await send(url, conversation);
    if (response.statusCode < 300 || response.statusCode >= 400) return answer(url, conversation, response);
    await response.body.dump();
    url = redirectTarget(url, response.headers['location']);
  }
  throw new LockstepError('SourceUnreachable', `the Git server redirects more than ${limits.maxRedirects} times`);
}

async function send(url: URL, conversation: Conversation): Promise<Dispatcher.ResponseData> {
  const { request, body, authorization, connections, limits, signal } = conversation;
  try {
    return await connections.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: request.method === 'POST' ? 'POST' : 'GET',
      headers: {
        ...request.headers,
        'user-agent': 'git/lockstep',
        ...(authorization === undefined ? {} : { authorization }),
      },
      headersTimeout: limits.deadline,
      bodyTimeout: limits.deadline,
      signal,
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    throw unreachable(url, error, signal);
  }
}

function unreachable(url: URL, error: unknown, signal: AbortSignal): LockstepError {
  if (error instanceof LockstepError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
  const why = signal.aborted ? 'did not answer within the deadline' : `can't be reached (${code})`;
  return new LockstepError('SourceUnreachable', `the Git server ${url.host} ${why}`, { cause: error });
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

function answer(url: URL, conversation: Conversation, response: Dispatcher.ResponseData): GitHttpResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  }
  return {
    url: url.href,
    method: conversation.request.method ?? 'GET',
    statusCode: response.statusCode,
    statusMessage: String(response.statusCode),
    headers,
    body: capped(url, conversation, response.body),
  };
}

async function* capped(
  url: URL,
  { limits, signal, fail }: Conversation,
  body: AsyncIterable<Uint8Array>,
): AsyncIterableIterator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > limits.maxBytes) {
        throw new LockstepError('SourceTooLarge', `the Git server ${url.host} sent more than ${limits.maxBytes} bytes`);
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof LockstepError) fail(error);
    const why = signal.aborted ? 'did not end its answer within the deadline' : 'broke off its answer';
    fail(new LockstepError('SourceUnreachable', `the Git server ${url.host} ${why}`, { cause: error }));
  }
}
