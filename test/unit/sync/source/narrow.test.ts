import { describe, expect, it } from 'vitest';
import { narrowed } from '../../../../sync/source/narrow.ts';
import { packet } from '../../../../sync/source/packet.ts';
import type { Transport } from '../../../../sync/source/transport.ts';

const oid = 'a'.repeat(40);
const line = (name: string, more = ''): string => packet(`${oid} ${name}${more}\n`);

/** A server that answers this, in pieces that end anywhere. */
function server(answer: string, statusCode = 200): Transport {
  async function* body(): AsyncIterableIterator<Uint8Array> {
    for (let at = 0; at < answer.length; at += 997) yield Buffer.from(answer.slice(at, at + 997), 'latin1');
  }
  return {
    check: () => undefined,
    request: async ({ url }) => ({ url, method: 'POST', statusCode, statusMessage: '', headers: {}, body: body() }),
  };
}

async function answered(http: Transport, method = 'POST'): Promise<string> {
  const { body } = await http.request({ url: 'https://h/r/git-upload-pack', method });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

describe('what a server lists', () => {
  it('is let through where it was asked for, and what else it says as it is', async () => {
    const kept = [line('refs/tags/v1', ` peeled:${oid}`), line('refs/tags/v1^{}')];
    const all = `${packet('version 2\n')}${line('refs/heads/main')}${kept[0]}${line('refs/tags')}${kept[1]}0001${line('HEAD')}0000`;
    expect(await answered(narrowed(server(all), 'refs/tags/'))).toBe(
      `${packet('version 2\n')}${kept.join('')}00010000`,
    );
  });

  it('by an older server keeps its first line, which says what it can do', async () => {
    const first = packet(`${oid} HEAD\0side-band-64k agent=git/1\n`);
    const all = `${first}${line('refs/heads/a')}${line('refs/heads/main')}0000`;
    expect(await answered(narrowed(server(all), 'refs/heads/main'))).toBe(`${first}${line('refs/heads/main')}0000`);
  });

  it('is cut where nobody would look through it', async () => {
    const all = (prefix: string) => `${line(`${prefix}/x`).repeat(100_001)}0000`;
    const http = narrowed(server(all('refs/heads')), 'refs/heads/');
    await expect(answered(http)).rejects.toMatchObject({ code: 'SourceTooLarge' });
    expect(() => http.check()).toThrow('more than 100000 references in refs/heads/');
    expect(await answered(narrowed(server(all('refs/pull')), 'refs/heads/'))).toBe('0000');
    // Two lines for each tag, as older servers have it.
    const tags = `${line('refs/tags/x').repeat(60_000)}${line('refs/tags/x^{}').repeat(60_000)}0000`;
    expect(await answered(narrowed(server(tags), 'refs/tags/'))).toBe(tags);
  });

  it('is told where it is no list, also when whoever reads it did not mind', async () => {
    const http = narrowed(server('<html>'), 'refs/heads/');
    await answered(http).catch(() => undefined);
    expect(() => http.check()).toThrow('the answer is not in packets');
    const page = narrowed(server('<html>'), 'refs/heads/');
    await answered(page, 'GET').catch(() => undefined);
    expect(() => page.check()).toThrow('the server does not speak the protocol of Git');
    expect(await answered(narrowed(server('<html>', 500), 'refs/heads/'))).toBe('<html>');
  });
});
