import type { GitHttpRequest, GitHttpResponse } from 'isomorphic-git';
import type { Transport } from './transport-http.ts';

/**
 * What a Git server said of itself, so that it need not be asked before each question. Kept for a repository and
 * credential, in memory.
 */
export interface Advertised {
  /** The answer to protocol v2: what the server can do, and no references. */
  v2: Buffer | undefined;
  /** What the server can do by protocol v1. */
  capabilities: string | undefined;
}

export function newAdvertised(): Advertised {
  return { v2: undefined, capabilities: undefined };
}

/** A reference and what it names, known from a question just before. */
export interface KnownRef {
  readonly ref: string;
  readonly oid: string;
}

/** Longer ones list references, and are not worth keeping. */
const longest = 16_384;

/**
 * A transport that answers what it knows itself: the first of each pair of requests that isomorphic-git makes. Whoever
 * uses it must be ready to ask again without it, since a server may have changed.
 * @param known the reference that is fetched; without it the server is asked for all of its references
 */
export function remembering(http: Transport, memory: Advertised, known?: KnownRef): Transport {
  return {
    check: http.check,
    request: async (request) => {
      if (!isAdvertisement(request)) return http.request(request);
      const isV2 = request.headers?.['Git-Protocol'] === 'version=2';
      const kept = isV2 ? memory.v2 : keptV1(memory, known);
      if (kept !== undefined) return answerOf(request, kept);
      const response = await http.request(request);
      const body = await bytesOf(response);
      if (response.statusCode === 200) learn(memory, body, isV2);
      return { ...response, body: once(body) };
    },
  };
}

/** Forgets everything: the server does not do what it said. */
export function forgetAdvertised(memory: Advertised): void {
  memory.v2 = undefined;
  memory.capabilities = undefined;
}

function isAdvertisement({ method, url }: GitHttpRequest): boolean {
  return (method ?? 'GET') === 'GET' && url.includes('/info/refs?service=git-upload-pack');
}

function learn(memory: Advertised, body: Buffer, isV2: boolean): void {
  const text = body.subarray(0, longest).toString('latin1');
  // A server without v2 answers with its references: those are never kept.
  if (isV2 && body.length <= longest && /^(?:001e# service=git-upload-pack\n0000)?000eversion 2\n/.test(text))
    memory.v2 = body;
  if (!isV2)
    memory.capabilities = /^001e# service=git-upload-pack\n0000[0-9a-f]{4}[0-9a-f]{40} [^\0\n]+\0([^\n]*)\n/.exec(
      text,
    )?.[1];
}

/** An advertisement of the one reference that is fetched. */
function keptV1({ capabilities }: Advertised, known: KnownRef | undefined): Buffer | undefined {
  if (capabilities === undefined || known === undefined) return undefined;
  const line = packetOf(`${known.oid} ${known.ref}\0${capabilities}\n`);
  return Buffer.from(`001e# service=git-upload-pack\n0000${line}0000`, 'latin1');
}

function packetOf(text: string): string {
  return `${(text.length + 4).toString(16).padStart(4, '0')}${text}`;
}

function answerOf({ url, method = 'GET' }: GitHttpRequest, body: Buffer): GitHttpResponse {
  const headers = { 'content-type': 'application/x-git-upload-pack-advertisement' };
  return { url, method, statusCode: 200, statusMessage: '200', headers, body: once(body) };
}

async function bytesOf({ body = once(Buffer.alloc(0)) }: GitHttpResponse): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(body: Uint8Array): AsyncIterableIterator<Uint8Array> {
  yield body;
}
