import { createVerify, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type AskServer, createAppTokens } from '../../../agent/github-app.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const start = Date.parse('2026-01-01T00:00:00Z');
const app = { id: '7', privateKey, installation: '42', owner: undefined, server: 'https://api.example.com' };

/** GitHub, as far as apps go: tokens live for an hour. */
function github(status = 201) {
  const clock = { time: start, now: () => clock.time };
  const asked: { method: string; url: string; claim: Record<string, unknown> }[] = [];
  const ask: AskServer = async (method, url, headers) => {
    const [head = '', body = '', signature = ''] = (headers['authorization'] ?? '').slice('Bearer '.length).split('.');
    const isSigned = createVerify('RSA-SHA256').update(`${head}.${body}`).verify(publicKey, signature, 'base64url');
    expect(isSigned).toBe(true);
    asked.push({ method, url, claim: JSON.parse(Buffer.from(body, 'base64url').toString()) });
    if (url.endsWith('/orgs/ada/installation')) return { status: 404, body: {} };
    if (url.endsWith('/users/ada/installation')) return { status: 200, body: { id: 43 } };
    const expires = new Date(clock.time + 3_600_000).toISOString();
    return { status, body: { token: `token-${asked.length}`, expires_at: expires } };
  };
  return { clock, asked, tokens: createAppTokens(ask, clock) };
}

describe('a GitHub App', () => {
  it('gets a token by a signed claim, and another one before it ends', async () => {
    const { clock, asked, tokens } = github();
    expect(await tokens.of(app)).toBe('token-1');
    const url = 'https://api.example.com/app/installations/42/access_tokens';
    expect(asked[0]).toMatchObject({ method: 'POST', url, claim: { iss: '7', iat: start / 1000 - 60 } });
    expect(Number(asked[0]?.claim['exp']) - start / 1000).toBeLessThanOrEqual(600);
    clock.time += 45 * 60_000;
    expect(await tokens.of(app)).toBe('token-1');
    clock.time += 6 * 60_000;
    expect(await tokens.of(app)).toBe('token-2');
  });

  it('is found by its owner, be it an organisation or a user', async () => {
    const { asked, tokens } = github();
    expect(await tokens.of({ ...app, installation: undefined, owner: 'ada' })).toBe('token-3');
    expect(asked.map(({ url }) => url.slice(app.server.length))).toEqual([
      '/orgs/ada/installation',
      '/users/ada/installation',
      '/app/installations/43/access_tokens',
    ]);
    await expect(tokens.of({ ...app, installation: undefined, owner: 'eve' })).rejects.toThrow('not installed for eve');
  });

  it.each([
    [401, 'SourceUnauthorized'],
    [404, 'SourceUnauthorized'],
    [503, 'SourceUnreachable'],
  ])('that is answered %i says %s, and asks again', async (status, code) => {
    const { asked, tokens } = github(status);
    await expect(tokens.of(app)).rejects.toMatchObject({ code });
    await expect(tokens.of(app)).rejects.toMatchObject({ code });
    expect(asked).toHaveLength(2);
  });

  it('whose key is none says so without telling it', async () => {
    const { tokens } = github();
    await expect(tokens.of({ ...app, privateKey: 'C4NARY-7f3a' })).rejects.toThrow(
      /^the githubAppPrivateKey of the GitHub App 7 is no RSA key/,
    );
  });
});
