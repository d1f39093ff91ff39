import type { GitHttpRequest } from 'isomorphic-git';
import { describe, expect, it } from 'vitest';
import {
  forgetAdvertised,
  isSha256,
  newAdvertised,
  protocolOf,
  remembering,
} from '../../../../sync/source/advertisement.ts';
import type { Transport } from '../../../../sync/source/transport.ts';

const oid = 'a'.repeat(40);
const url = 'https://git.example.com/shop.git';
const v2 = '001e# service=git-upload-pack\n0000000eversion 2\n0013ls-refs=unborn\n0000';
const line = `${oid} HEAD\0multi_ack side-band-64k symref=HEAD:refs/heads/main agent=git/2\n`;
const packet = (text: string): string => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`;
const v1 = `001e# service=git-upload-pack\n0000${packet(line)}${packet(`${oid} refs/heads/main\n`)}0000`;

async function* bodyOf(text: string): AsyncIterableIterator<Uint8Array> {
  yield Buffer.from(text, 'latin1');
}

/** A server that answers each question in this way, and counts them. */
function server(answer: (request: GitHttpRequest) => string, statusCode = 200) {
  const asked: string[] = [];
  const http: Transport = {
    check: () => undefined,
    request: async (request) => {
      asked.push(`${request.method} ${request.headers?.['Git-Protocol'] ?? 'v1'}`);
      return {
        url: request.url,
        method: 'GET',
        statusCode,
        statusMessage: '',
        headers: {},
        body: bodyOf(answer(request)),
      };
    },
  };
  return { asked, http };
}

const ask = (isV2: boolean): GitHttpRequest => ({
  method: 'GET',
  url: 'https://git.example.com/shop.git/info/refs?service=git-upload-pack',
  headers: isV2 ? { 'Git-Protocol': 'version=2' } : {},
});

async function textOf(response: { body?: AsyncIterable<Uint8Array> }): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

describe('what a server said of itself', () => {
  it('is asked once, and answered in the same words', async () => {
    const { asked, http } = server(() => v2);
    const memory = newAdvertised();
    for (let time = 0; time < 3; time += 1)
      expect(await textOf(await remembering(http, memory).request(ask(true)))).toBe(v2);
    expect(asked).toEqual(['GET version=2']);
    forgetAdvertised(memory);
    await remembering(http, memory).request(ask(true));
    expect(asked).toHaveLength(2);
  });

  it('in protocol v1 is kept without its references: they are asked for again', async () => {
    const { asked, http } = server(() => v1);
    const memory = newAdvertised();
    expect(await textOf(await remembering(http, memory).request(ask(true)))).toBe(v1);
    expect(await protocolOf(http, url, memory)).toEqual({
      version: 1,
      capabilities: 'multi_ack side-band-64k symref=HEAD:refs/heads/main agent=git/2',
    });
    expect(asked).toHaveLength(1);
    await remembering(http, memory).request(ask(true));
    expect(asked).toHaveLength(2);
  });

  it('is asked for where nobody asked before, and tells what may be left out, and the kind of ids', async () => {
    const sha256 = '001e# service=git-upload-pack\n0000000eversion 2\n0012fetch=filter\n001cobject-format=sha256\n0000';
    const { asked, http } = server(() => sha256);
    const memory = newAdvertised();
    expect(isSha256(memory)).toBe(false);
    expect(await protocolOf(http, url, memory)).toEqual({ version: 2, canFilter: true });
    expect(isSha256(memory)).toBe(true);
    await protocolOf(http, url, memory);
    expect(asked).toHaveLength(1);
    await expect(protocolOf(server(() => '<html>').http, url, newAdvertised())).rejects.toThrow('does not speak');
    await expect(protocolOf(server(() => v2, 401).http, url, newAdvertised())).rejects.toThrow('HTTP 401');
  });

  it.each([
    ['references, from a server without v2', () => v1, 200],
    ['more than it would be of use', () => `${v2}${'x'.repeat(20_000)}`, 200],
    ['a refusal', () => v2, 401],
    ['something else', () => '<html>', 200],
  ])('is not kept when it is %s', async (_what, answer, status) => {
    const { asked, http } = server(answer, status);
    const memory = newAdvertised();
    for (let time = 0; time < 2; time += 1) await textOf(await remembering(http, memory).request(ask(true)));
    expect(asked).toHaveLength(2);
  });

  it('has nothing to do with the questions themselves', async () => {
    const { asked, http } = server(() => 'pack');
    const memory = { v2: Buffer.from(v2), capabilities: 'x' };
    const post = { ...ask(true), method: 'POST', url: 'https://git.example.com/shop.git/git-upload-pack' };
    expect(await textOf(await remembering(http, memory).request(post))).toBe('pack');
    expect(asked).toEqual(['POST version=2']);
  });
});
