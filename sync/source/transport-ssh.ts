import type { GitHttpRequest, GitHttpResponse } from 'isomorphic-git';
import type { ClientChannel } from 'ssh2';
import { LockstepError } from '../errors.ts';
import type { Credentials } from './login.ts';
import { bytesOf, flushPacket, readPackets } from './packet.ts';
import type { SshLogins } from './ssh.ts';
import { type Conversation, capped, chunksOf, collect, type Transport, type TransportLimits } from './transport.ts';
import type { SourceUrl } from './url.ts';

const preamble = Buffer.from('001e# service=git-upload-pack\n0000', 'latin1');

/**
 * Git over SSH in the words of Git over HTTP: what a GET asks for is what the server says first, and a POST talks to it
 * after that. Deadline and cap are those of HTTP.
 */
export function sshTransport(
  logins: SshLogins,
  url: SourceUrl,
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
      const signal = AbortSignal.timeout(limits.deadline);
      const channel = await logins.run(url, credentials, `git-upload-pack ${quoted(url.path)}`, signal);
      // A channel that nobody reads any more is closed: the login stays.
      signal.addEventListener('abort', () => channel.destroy(), { once: true });
      const conversation = { host: url.hostname, limits, signal, fail };
      return request.method === 'POST' ? talk(request, channel, conversation) : listen(request, channel, conversation);
    },
    check: () => {
      if (failure !== undefined) throw failure;
    },
  };
}

/** For the shell of the server: nothing inside of these quotes means anything to it. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}

/** What the server says first, up to its end. */
async function listen(
  request: GitHttpRequest,
  channel: ClientChannel,
  conversation: Conversation,
): Promise<GitHttpResponse> {
  const said = await firstWords(capped(conversation, withWords(channel, conversation)));
  channel.end(flushPacket);
  // What is read by nobody never ends, and holds its place on the login.
  channel.resume();
  channel.close();
  return answer(request, chunksOf(preamble, ...said));
}

async function talk(
  request: GitHttpRequest,
  channel: ClientChannel,
  conversation: Conversation,
): Promise<GitHttpResponse> {
  const body = await collect(request.body ?? []);
  const chunks = capped(conversation, withWords(channel, conversation));
  await firstWords(chunks);
  channel.end(body);
  return answer(request, thenClosing(chunks, channel));
}

/** What ends with the first flush: after that the server waits, so nothing of what comes next is lost. */
async function firstWords(chunks: AsyncIterableIterator<Uint8Array>): Promise<Buffer[]> {
  const said: Buffer[] = [];
  const packets = readPackets(chunks);
  for (let one = await packets.next(); one.done !== true; one = await packets.next()) {
    if (one.value.type === 'data') said.push(bytesOf(one.value));
    if (one.value.type === 'flush') break;
  }
  return [...said, Buffer.from(flushPacket)];
}

async function* thenClosing(
  chunks: AsyncIterableIterator<Uint8Array>,
  channel: ClientChannel,
): AsyncIterableIterator<Uint8Array> {
  try {
    yield* chunks;
  } finally {
    channel.resume();
    channel.close();
  }
}

/** A server that says nothing to the point says on the side why. */
async function* withWords(channel: ClientChannel, { host, signal, fail }: Conversation): AsyncIterable<Uint8Array> {
  let aside = '';
  channel.stderr.on('data', (chunk: Buffer) => {
    if (aside.length < 1_000) aside += chunk.toString('utf8');
  });
  let isHeard = false;
  for await (const chunk of untilAborted(channel, signal)) {
    isHeard = true;
    yield chunk;
  }
  if (isHeard) return;
  const words = aside
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);
  fail(new LockstepError('SourceUnreachable', `the Git server ${host} says: ${words === '' ? 'nothing' : words}`));
}

/** A channel that is closed here goes on until the server closes it too, which may be never: nobody waits for that. */
async function* untilAborted(channel: ClientChannel, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => undefined);
  const abort = (): void => late.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const chunks: AsyncIterator<Uint8Array> = channel[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([chunks.next(), late.promise]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function answer({ url, method = 'GET' }: GitHttpRequest, body: AsyncIterableIterator<Uint8Array>): GitHttpResponse {
  return { url, method, statusCode: 200, statusMessage: '200', headers: {}, body };
}
