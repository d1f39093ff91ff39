import { cut } from '../errors.ts';
import { delimiterPacket, flushPacket, lineOf, packet, readPackets } from './packet.ts';
import { chunksOf, type Transport } from './transport.ts';

/** What is asked of a server: some objects, and everything that they need but what is here already. */
export interface PackRequest {
  readonly wants: readonly string[];
  /** Commits that are here whole, but for their history: objects may come as what differs from theirs. */
  readonly haves: readonly string[];
  /** Commits whose parents are not here. */
  readonly shallow: readonly string[];
  /** How many commits deep; undefined for all that is not here. */
  readonly depth: number | undefined;
  /** Whether objects may come as what differs from those that are here. */
  readonly isThin: boolean;
  /** Whether only commits are wanted. */
  readonly commitsOnly?: boolean;
}

/** What came beside the pack. */
export interface PackAnswer {
  readonly shallow: readonly string[];
  readonly unshallow: readonly string[];
}

/** How a server is spoken to. */
export type Protocol =
  | { readonly version: 2; readonly canFilter: boolean }
  /** What an older server says that it can do. */
  | { readonly version: 1; readonly capabilities: string };

/** The server says that it does not have, or does not hand out, what is wanted. */
export class NotOurs extends Error {}

/**
 * Asks for a pack by Git's protocol, version 2 or what was before it (gitprotocol-v2, gitprotocol-pack). One request is all:
 * what is here is few, so that it is named at once and nothing is negotiated.
 * @param take is given the pack, piece by piece
 * @throws Error, NotOurs, or what the transport throws
 */
export async function requestPack(
  http: Transport,
  url: string,
  protocol: Protocol,
  request: PackRequest,
  take: (piece: Buffer) => Promise<void> | void,
): Promise<PackAnswer> {
  const text = protocol.version === 2 ? bodyOfV2(request) : bodyOfV1(request, protocol.capabilities);
  const response = await http.request({
    url: `${url.replace(/\/$/, '')}/git-upload-pack`,
    method: 'POST',
    headers: {
      'content-type': 'application/x-git-upload-pack-request',
      accept: 'application/x-git-upload-pack-result',
      ...(protocol.version === 2 ? { 'git-protocol': 'version=2' } : {}),
    },
    body: chunksOf(Buffer.from(text, 'utf8')),
  });
  if (response.statusCode !== 200 || response.body === undefined) throw new StatusError(response.statusCode);
  const shallow: string[] = [];
  const unshallow: string[] = [];
  let isPack = false;
  let isDone = false;
  // It is read to its end: a connection whose answer was left half is of no use any more.
  for await (const one of readPackets(response.body)) {
    isDone = isDone || (isPack && one.type === 'flush');
    if (one.type !== 'data' || isDone) continue;
    isPack = isPack || isBand(one.data, protocol);
    if (isPack) await takeBand(one.data, take);
    else isPack = readLine(lineOf(one.data), shallow, unshallow);
  }
  http.check();
  return { shallow, unshallow };
}

/** A server that answered with something else than 200. */
export class StatusError extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`the server answered HTTP ${status}`);
    this.status = status;
  }
}

function bodyOfV2({ wants, haves, shallow, depth, isThin, commitsOnly = false }: PackRequest): string {
  return [
    packet('command=fetch\n'),
    packet('agent=git/lockstep\n'),
    packet('object-format=sha1\n'),
    delimiterPacket,
    packet('ofs-delta\n'),
    packet('no-progress\n'),
    ...(isThin ? [packet('thin-pack\n')] : []),
    ...(commitsOnly ? [packet('filter tree:0\n')] : []),
    ...shallow.map((oid) => packet(`shallow ${oid}\n`)),
    ...(depth === undefined ? [] : [packet(`deepen ${depth}\n`)]),
    ...wants.map((oid) => packet(`want ${oid}\n`)),
    ...haves.map((oid) => packet(`have ${oid}\n`)),
    packet('done\n'),
    flushPacket,
  ].join('');
}

/** What is asked for of an older server, as far as it can do it. */
const wishes = ['multi_ack_detailed', 'multi_ack', 'side-band-64k', 'ofs-delta', 'no-progress', 'shallow', 'thin-pack'];

function bodyOfV1({ wants, haves, shallow, depth, isThin }: PackRequest, capabilities: string): string {
  const offered = new Set(capabilities.split(' '));
  const unwanted = new Set([
    ...(offered.has('multi_ack_detailed') ? ['multi_ack'] : []),
    ...(isThin ? [] : ['thin-pack']),
  ]);
  const taken = wishes.filter((wish) => offered.has(wish) && !unwanted.has(wish));
  const [first = '', ...others] = wants;
  return [
    packet(`want ${first} ${[...taken, 'agent=git/lockstep'].join(' ')}\n`),
    ...others.map((oid) => packet(`want ${oid}\n`)),
    ...shallow.map((oid) => packet(`shallow ${oid}\n`)),
    ...(depth === undefined ? [] : [packet(`deepen ${depth}\n`)]),
    flushPacket,
    ...haves.map((oid) => packet(`have ${oid}\n`)),
    packet('done\n'),
  ].join('');
}

/** By the older protocol the pack follows without a word: its bands have numbers, which no line begins with. */
function isBand(data: Buffer, { version }: Protocol): boolean {
  return version === 1 && (data[0] ?? 0) >= 1 && (data[0] ?? 0) <= 3;
}

/** @returns whether the pack is next */
function readLine(line: string, shallow: string[], unshallow: string[]): boolean {
  const [, what, oid = ''] = /^(shallow|unshallow) ([0-9a-f]{40})$/.exec(line) ?? [];
  if (what !== undefined) (what === 'shallow' ? shallow : unshallow).push(oid);
  if (line.startsWith('ERR ')) throw refusalOf(line.slice(4));
  return line === 'packfile';
}

async function takeBand(data: Buffer, take: (piece: Buffer) => Promise<void> | void): Promise<void> {
  if (data[0] === 1) await take(data.subarray(1));
  if (data[0] === 3) throw refusalOf(lineOf(data.subarray(1)));
}

/** What a server says is a stranger's word: it is told in one short line. */
function refusalOf(text: string): Error {
  const shown = cut(text.replaceAll(/[^\x20-\x7e]+/g, ' ').trim(), 200);
  return /not our ref|unadvertised object|not valid|no such/i.test(text) ? new NotOurs(shown) : new Error(shown);
}
