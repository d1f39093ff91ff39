import { describe, expect, it } from 'vitest';
import { digestOfBytes, openRegistry } from '../../../../../sync/source/artifact/registry.ts';
import { openRegistryTokens } from '../../../../../sync/source/artifact/registry-tokens.ts';
import type { Web, WebRequest } from '../../../../../sync/source/artifact/web.ts';

interface Said {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the server that was sent on to. */
  readonly origin?: string;
}

/** A registry that answers this, by path, and what it was asked. */
function registry(answers: (url: URL, request: WebRequest) => Said) {
  const asked: WebRequest[] = [];
  const web: Web = async (request) => {
    asked.push(request);
    const url = new URL(request.url);
    const { status = 200, body = '', headers = {}, origin = url.origin } = answers(url, request);
    return { status, origin, header: (name) => headers[name], body: Buffer.from(body) };
  };
  return { asked, registry: openRegistry(web, openRegistryTokens(web)) };
}

const credentials = {
  authorization: 'Basic home',
  tls: { ca: 'CA', cert: 'CERT', key: 'KEY' },
  fingerprint: 'f',
};
const place = { url: 'oci://registry.example.com/team/app', credentials, isPlain: false };

describe('a registry', () => {
  it('has all of its tags read, or none: pages go on at the server itself, whatever that calls itself', async () => {
    const pages = (link: string) =>
      registry((url) =>
        url.searchParams.has('last')
          ? { body: '{"tags": ["1.2.0"]}' }
          : { body: '{"tags": ["1.1.0"]}', headers: { link: `<${link}>; rel="next"` } },
      ).registry.tags(place);
    for (const link of ['/v2/team/app/tags/list?last=a', 'http://registry.example.com/v2/team/app/tags/list?last=a'])
      expect(await pages(link)).toEqual(['1.1.0', '1.2.0']);
    await expect(pages('https://evil.example.com/?last=a')).rejects.toMatchObject({ code: 'SourceUnreachable' });
    await expect(pages('/v2/team/app/tags/list?n=1')).rejects.toMatchObject({ code: 'SourceTooLarge' });
  });

  it('with 400,000 tags on a page is read', async () => {
    const body = JSON.stringify({ tags: Array.from({ length: 400_000 }, (_, i) => `${i}`) });
    expect(await registry(() => ({ body })).registry.tags(place)).toHaveLength(400_000);
  });

  it('that sends on to another server lets that have no login, whatever it asks for', async () => {
    const layer = { mediaType: '', digest: digestOfBytes(Buffer.from('x')), size: 1 };
    const challenge = { 'www-authenticate': 'Bearer realm="https://storage.example.com/token"' };
    const { asked, registry: read } = registry(() => ({
      status: 401,
      headers: challenge,
      origin: 'https://storage.example.com',
    }));
    await expect(read.layer(place, layer, 100)).rejects.toMatchObject({ code: 'SourceUnauthorized' });
    expect(asked.map(({ url }) => new URL(url).hostname)).toEqual(['registry.example.com']);
  });

  it('that has its tokens made elsewhere keeps the certificate to itself', async () => {
    const challenge = { 'www-authenticate': 'Bearer realm="https://auth.example.com/token",service="r"' };
    const { asked, registry: read } = registry((url, { authorization }) => {
      if (url.hostname === 'auth.example.com') return { body: '{"token": "t"}' };
      return authorization === 'Bearer t' ? { body: '{"tags": ["1"]}' } : { status: 401, headers: challenge };
    });
    expect(await read.tags(place)).toEqual(['1']);
    expect(asked.map((one) => [new URL(one.url).hostname, one.authorization, one.credentials?.tls?.key])).toEqual([
      ['registry.example.com', undefined, 'KEY'],
      ['auth.example.com', 'Basic home', undefined],
      ['registry.example.com', 'Bearer t', 'KEY'],
    ]);
  });
});
