import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher } from 'undici';
import { type Json, parseJson } from '../../diff/json.ts';
import { ApiError, LockstepError } from '../../sync/errors.ts';
import type { ObjectRef } from '../../sync/types.ts';
import type { Access } from './client.ts';
import { apiError, connectionError } from './errors.ts';

/** One request to the API server. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
  /** The user to act as; without one the agent acts as itself. */
  readonly impersonate?: string;
  /** The object concerned, for error messages that keep a Secret's values out. */
  readonly ref?: ObjectRef;
  /** How many milliseconds are left for the answer, asked before each try; nothing is sent when none is. */
  readonly left?: () => number;
}

/** An answer that was a success. */
export interface KubeResponse {
  readonly status: number;
  readonly body: Json;
}

/** Raw JSON over one pool of kept-alive connections. */
export interface KubeHttp {
  /** @throws ApiError for every answer that is no success */
  request(request: KubeRequest): Promise<KubeResponse>;
  /** An answer that is no JSON, such as a log. @throws ApiError */
  text(request: KubeRequest): Promise<string>;
  /** Opens a stream of lines that ends when the signal says so. @throws ApiError */
  stream(request: KubeRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  close(): Promise<void>;
}

/** Milliseconds and counts. */
export interface HttpLimits {
  readonly requestTimeout: number;
  readonly connectTimeout: number;
  readonly connections: number;
  readonly retries: number;
  readonly userAgent: string;
  /** The most bytes of one answer, or of one line of a stream. */
  readonly maxBytes: number;
}

export const httpDefaults: HttpLimits = {
  requestTimeout: 30_000,
  connectTimeout: 10_000,
  connections: 32,
  retries: 4,
  userAgent: 'lockstep',
  maxBytes: 1_073_741_824,
};

/** The API server for an agent that leads: no write is sent, or waited for, beyond the end of its lease. */
export function fenced(http: KubeHttp, left: () => number): KubeHttp {
  return { ...http, request: (request) => http.request(request.method === 'GET' ? request : { ...request, left }) };
}

/** Told of each request that was sent, tries counted one by one: how it was answered, 0 for not at all, after some seconds. */
export type Observe = (method: string, status: number, seconds: number) => void;

/** Connects to the API server that the access names. Watches use connections of their own, so they never block requests. */
export function createKubeHttp(
  access: Access,
  limits: HttpLimits = httpDefaults,
  observe: Observe = () => undefined,
): KubeHttp {
  const server = new URL(access.server);
  // A proxy may serve many clusters, each below a path of its own.
  const above = server.pathname.replace(/\/$/, '');
  const connect = { ...access.tls, timeout: limits.connectTimeout };
  const timeouts = { headersTimeout: limits.requestTimeout, bodyTimeout: limits.requestTimeout };
  const pool = new Agent({ connect, connections: limits.connections, keepAliveTimeout: 60_000, ...timeouts });
  const watchPool = new Agent({ connect, headersTimeout: limits.requestTimeout, bodyTimeout: 0 });

  /** A token that was refused may have been replaced since it was read: it is read once more. */
  async function send(
    request: KubeRequest,
    dispatcher: Dispatcher,
    signal?: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const answer = await sendAs(request, dispatcher, signal, false);
    if (answer.statusCode !== 401) return answer;
    await answer.body.dump();
    return sendAs(request, dispatcher, signal, true);
  }

  async function sendAs(
    request: KubeRequest,
    dispatcher: Dispatcher,
    signal: AbortSignal | undefined,
    isRefused: boolean,
  ): Promise<Dispatcher.ResponseData> {
    const headers = { ...(await access.headers(isRefused)), 'user-agent': limits.userAgent, ...headersOf(request) };
    const query = request.query === undefined ? '' : `?${new URLSearchParams(request.query)}`;
    const started = performance.now();
    const note = (status: number): void => observe(request.method, status, (performance.now() - started) / 1000);
    try {
      const answer = await dispatcher.request({
        origin: server.origin,
        path: `${above}${request.path}${query}`,
        method: request.method,
        headers,
        ...(request.body === undefined ? {} : { body: request.body }),
        ...(signal === undefined ? {} : { signal }),
      });
      note(answer.statusCode);
      return answer;
    } catch (error) {
      note(0);
      throw connectionError(error);
    }
  }

  async function once(request: KubeRequest): Promise<{ status: number; text: string }> {
    const left = request.left?.();
    if (left !== undefined && left <= 0)
      throw new LockstepError(
        'Fenced',
        `${request.method} ${request.path} was not sent: this agent does not lead any more`,
      );
    const response = await send(request, pool, left === undefined ? undefined : AbortSignal.timeout(Math.ceil(left)));
    const text = await readText(response, limits.maxBytes);
    if (response.statusCode >= 300) throw refusal(response, text, request);
    return { status: response.statusCode, text };
  }

  const answered = (request: KubeRequest) => withRetries(() => once(request), request, limits.retries);
  return {
    request: async (request) => {
      const { status, text } = await answered(request);
      return { status, body: text === '' ? null : parseJson(text) };
    },
    text: async (request) => (await answered(request)).text,
    stream: async (request, signal) => {
      const response = await send(request, watchPool, signal);
      if (response.statusCode >= 300) throw refusal(response, await readText(response, limits.maxBytes), request);
      return bounded(response.body, limits.maxBytes);
    },
    close: async () => {
      await Promise.all([pool.destroy(), watchPool.destroy()]);
    },
  };
}

function headersOf(request: KubeRequest): Record<string, string> {
  return {
    accept: request.accept ?? 'application/json',
    ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
    ...(request.impersonate === undefined ? {} : { 'Impersonate-User': request.impersonate }),
  };
}

async function readText(response: Dispatcher.ResponseData, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > most) break;
    }
  } catch (error) {
    throw connectionError(error);
  }
  if (size > most) throw tooLarge(most);
  return Buffer.concat(chunks).toString('utf8');
}

function tooLarge(most: number): ApiError {
  return new ApiError(`the API server answered more than ${most} bytes`, {
    status: 200,
    reason: 'TooLarge',
    class: 'transient',
  });
}

/** A stream that ends when one of its lines grows beyond what an event may be. */
async function* bounded(stream: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let line = 0;
  for await (const chunk of stream) {
    const end = chunk.lastIndexOf(10);
    line = end < 0 ? line + chunk.length : chunk.length - end;
    if (line > most) throw tooLarge(most);
    yield chunk;
  }
}

function refusal(response: Dispatcher.ResponseData, text: string, request: KubeRequest): ApiError {
  const header = response.headers['retry-after'];
  return apiError(
    { status: response.statusCode, text, retryAfter: typeof header === 'string' ? header : undefined },
    request.ref,
  );
}

/**
 * Tries again what is safe to send twice: everything but a create, when the connection failed or the server asks for
 * patience. Longer troubles are the queue's business.
 */
async function withRetries<T>(attempt: () => Promise<T>, request: KubeRequest, retries: number): Promise<T> {
  for (let tried = 0; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tried >= retries || !(error instanceof ApiError) || !mayRetry(error, request)) throw error;
      await sleep(Math.min(error.retryAfter ?? 50 * 2 ** tried, 5_000));
    }
  }
}

function mayRetry(error: ApiError, request: KubeRequest): boolean {
  if (error.status === 429) return true;
  return request.method !== 'POST' && (error.status === 0 || error.status === 503 || error.status === 504);
}
