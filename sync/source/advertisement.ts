import type { GitHttpRequest, GitHttpResponse } from 'isomorphic-git';
import { chunksOf, collect, type Transport } from './transport.ts';
import { type Protocol, StatusError } from './upload-pack.ts';

/**
 * What a Git server said of itself, so that it need not be asked before each question. Kept for a repository and
 * credential, in memory.
 */
export interface Advertised {
  /** The answer to protocol v2: what the server can do, and no references. */
  v2: Buffer | undefined;
  /** What an older server can do. */
  capabilities: string | undefined;
}

export function newAdvertised(): Advertised {
  return { v2: undefined, capabilities: undefined };
}

/** Longer ones list references, and are not worth keeping. */
const longest = 16_384;

/**
 * A transport that answers what it knows itself: the first of the two requests by which isomorphic-git lists references.
 * Whoever uses it must be ready to ask again without it, since a server may have changed.
 */
export function remembering(http: Transport, memory: Advertised): Transport {
  return {
    check: http.check,
    request: async (request) => {
      if (!isAdvertisement(request)) return http.request(request);
      if (memory.v2 !== undefined) return answerOf(request, memory.v2);
      const response = await http.request(request);
      const body = await collect(response.body ?? []);
      if (response.statusCode === 200) learn(memory, body);
      return { ...response, body: chunksOf(body) };
    },
  };
}

/** Forgets everything: the server does not do what it said. */
export function forgetAdvertised(memory: Advertised): void {
  memory.v2 = undefined;
  memory.capabilities = undefined;
}

/** How the server is to be spoken to; it is asked when it has not said so yet. */
export async function protocolOf(http: Transport, url: string, memory: Advertised): Promise<Protocol> {
  const known = knownProtocol(memory);
  if (known !== undefined) return known;
  const response = await http.request({
    url: `${url.replace(/\/$/, '')}/info/refs?service=git-upload-pack`,
    method: 'GET',
    headers: { 'Git-Protocol': 'version=2' },
  });
  if (response.statusCode !== 200) throw new StatusError(response.statusCode);
  learn(memory, await collect(response.body ?? []));
  http.check();
  const told = knownProtocol(memory);
  if (told === undefined) throw new Error('the server does not speak the protocol of Git');
  return told;
}

function knownProtocol({ v2, capabilities }: Advertised): Protocol | undefined {
  if (v2 !== undefined) return { version: 2, canFilter: /fetch=[^\n]*\bfilter\b/.test(v2.toString('latin1')) };
  return capabilities === undefined ? undefined : { version: 1, capabilities };
}

/** Whether the objects of the repository have ids of another kind than the usual one. */
export function isSha256({ v2, capabilities }: Advertised): boolean {
  return `${v2?.toString('latin1')} ${capabilities}`.includes('object-format=sha256');
}

function isAdvertisement({ method, url }: GitHttpRequest): boolean {
  return (method ?? 'GET') === 'GET' && url.includes('/info/refs?service=git-upload-pack');
}

function learn(memory: Advertised, body: Buffer): void {
  const text = body.subarray(0, longest).toString('latin1');
  // A server without v2 answers with its references: those are never kept.
  if (/^(?:001e# service=git-upload-pack\n0000)?000eversion 2\n/.test(text)) {
    if (body.length <= longest) memory.v2 = body;
    return;
  }
  memory.capabilities = /^(?:001e# service=git-upload-pack\n0000)?[0-9a-f]{4}[0-9a-f]{40,64} [^\0\n]+\0([^\n]*)\n/.exec(
    text,
  )?.[1];
}

function answerOf({ url, method = 'GET' }: GitHttpRequest, body: Buffer): GitHttpResponse {
  const headers = { 'content-type': 'application/x-git-upload-pack-advertisement' };
  return { url, method, statusCode: 200, statusMessage: '200', headers, body: chunksOf(body) };
}
