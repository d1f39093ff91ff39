import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import { addressClass } from '../../sync/addresses.ts';
import { messageOf } from '../../sync/errors.ts';

/** One question over HTTP. */
export interface Question {
  readonly url: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  /** Whether whoever runs Lockstep lets the machine itself be asked, by its address. */
  readonly mayBeOwn: boolean;
}

/** What was answered: the code, and the body as text. */
export interface Answered {
  readonly status: number;
  readonly text: string;
}

/** Asks servers that people name in their Deliveries. */
export interface Asker {
  /** @throws Error that says why there is no answer; redirects are answers */
  ask(question: Question, signal: AbortSignal): Promise<Answered>;
  close(): Promise<void>;
}

const mostBytes = 1024 * 1024;

/** A pool of its own. What only the machine itself may ask, such as the metadata of a cloud, is never reached by it. */
export function createAsker(): Asker {
  const pool: Dispatcher = new Agent({
    connect: { timeout: 5_000, lookup: lookUpOthers },
    keepAliveTimeout: 10_000,
    connections: 8,
  });
  return {
    ask: async ({ url, method, headers, body, timeout, mayBeOwn }, signal) => {
      const { origin, pathname, search, hostname } = new URL(url);
      if (!mayBeOwn) requireOthers(hostname);
      const answer = await pool.request({
        origin,
        path: `${pathname}${search}`,
        method,
        headers: { 'user-agent': 'lockstep', ...headers },
        headersTimeout: timeout,
        bodyTimeout: timeout,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
        ...(body === undefined ? {} : { body }),
      });
      return { status: answer.statusCode, text: await capped(answer.body) };
    },
    close: () => pool.destroy(),
  };
}

/** Why there was no answer, in words. */
export function whyNot(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'did not answer in time';
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return code === undefined ? messageOf(error) : `can not be reached (${code})`;
}

async function capped(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error('answers with more than 1 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The machine's own loopback, where the agent's API listens, and where clouds hand out what it may do. */
function isOwn(address: string): boolean {
  return ['loopback', 'link-local'].includes(addressClass(address));
}

function requireOthers(host: string): void {
  const address = host.replace(/^\[|\]$/g, '');
  if (isIP(address) !== 0 && isOwn(address)) throw new Error(`is an address of the machine alone`);
}

/** A name may lead there too: each address is looked at before it is connected to. */
const lookUpOthers: LookupFunction = (name, options, answer) => {
  lookup(name, { ...options, all: true }, (error, found) => {
    const own = (found ?? []).find(({ address }) => isOwn(address));
    const problem = own === undefined ? error : new Error('leads to an address of the machine alone');
    if (problem !== null || options.all === true) answer(problem, found ?? []);
    else answer(null, found[0]?.address ?? '', found[0]?.family);
  });
};
