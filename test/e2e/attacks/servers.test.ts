import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sources } from '../../../sync/ports.ts';
import { createGitSources } from '../../../sync/source/git.ts';
import { packet } from '../../../sync/source/packet.ts';
import { transportDefaults } from '../../../sync/source/transport.ts';
import { createAuthority, hasOpenssl } from '../support/certificates.ts';
import { type GitServer, startGitServer } from '../support/git-server.ts';
import { refusal, snapshotOf, sourceRequest, textsOf } from '../support/source-requests.ts';
import { main, oid, speaking } from '../support/speaking-server.ts';

/** G4 to G6 of the vectors: servers that mean harm. G1 to G3 and G11 stand beside what reads URLs, those of SSH in sources/ssh. */

const folder = mkdtempSync(join(tmpdir(), 'lockstep-servers-'));
let git: GitServer;
let sources: Sources;
const closers: (() => unknown)[] = [];
beforeAll(async () => {
  git = await startGitServer();
  sources = createGitSources(join(folder, 'data'));
});
afterAll(async () => {
  for (const close of closers) await close();
  await sources.close();
  await git.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A server of our own making, and sources with little patience. */
async function serve(listener: RequestListener, limits = {}): Promise<{ url: string; sources: Sources }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const own = createGitSources(join(folder, String(port)), {
    limits: { ...transportDefaults, deadline: 1_000, ...limits },
  });
  closers.push(
    () => own.close(),
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return { url: `http://127.0.0.1:${port}/r.git`, sources: own };
}
/** How many bytes were poured out, whoever took them. */
let poured = 0;
function pour(response: ServerResponse, chunk: string | Buffer): void {
  const more = (): void => {
    do poured += chunk.length;
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

describe.skipIf(!hasOpenssl)('G4: a server that sends elsewhere', () => {
  async function secure(listener: RequestListener): Promise<{ port: number; ca: string }> {
    const authority = createAuthority(mkdtempSync(join(folder, 'authority-')));
    const server = createSecureServer(authority.issue('redirects'), listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(
      () => server.closeAllConnections(),
      () => server.close(),
    );
    return { port: (server.address() as AddressInfo).port, ca: authority.ca };
  }

  it.each<[string, (home: URL, other: number) => string, string]>([
    ['another host', (home) => home.href.replace('127.0.0.1', 'localhost'), 'another origin'],
    ['another port', (home, other) => home.href.replace(home.port, String(other)), 'another origin'],
    ['http', (home) => home.href.replace('https:', 'http:'), 'another origin'],
    ['itself, ten times', (home) => home.href, 'more than 3 times'],
  ])('to %s is not followed with a login', async (_what, where, problem) => {
    const seen: (string | undefined)[] = [];
    const other = await secure((request, response) => {
      seen.push(request.headers.authorization);
      response.end();
    });
    let asked = 0;
    const home = await secure((request, response) => {
      asked += 1;
      const here = new URL(request.url ?? '', `https://127.0.0.1:${home.port}`);
      response.writeHead(302, { location: where(here, other.port) }).end();
    });
    const credentials = { tls: { ca: `${home.ca}${other.ca}` }, authorization: 'Basic C4NARY' };
    const refused = sources.tip(sourceRequest(`https://127.0.0.1:${home.port}/r.git`, { credentials }));
    await expect(refused).rejects.toMatchObject({
      code: 'SourceUnreachable',
      message: expect.stringContaining(problem),
    });
    await expect(refused).rejects.not.toThrow('C4NARY');
    expect(seen).toEqual([]);
    expect(asked).toBeLessThanOrEqual(problem === 'another origin' ? 1 : 4);
  });
});

describe('G5: a server that has no end', () => {
  it('has one at 100 MB, where nobody says another', () => {
    expect(transportDefaults.maxBytes).toBe(100 * 1024 * 1024);
  });

  it('of references is cut at the cap', async () => {
    const endless = speaking(
      (response) => pour(response, packet(`${oid} refs/heads/${'x'.repeat(200)}\n`).repeat(100)),
      main,
    );
    const { url, sources: own } = await serve(endless, { deadline: 20_000, maxBytes: 4 * 1024 * 1024 });
    poured = 0;
    expect(await refusal(own, url)).toMatchObject({ code: 'SourceTooLarge' });
    // What is more than the cap stands in the buffers of the sockets.
    expect(poured).toBeLessThan(30 * 1024 * 1024);
  });

  it('of a million references is read, or cut, in little time', async () => {
    const line = (i: number): string => packet(`${oid} refs/heads/b${i}\n`);
    const many = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => line(i)).join(''));
    const { url, sources: own } = await serve(
      speaking((response) => void response.end(Buffer.concat([many, Buffer.from('0000')])), main),
      { deadline: 20_000 },
    );
    const began = performance.now();
    expect((await refusal(own, url)).code).toMatch(/RefNotFound|SourceTooLarge/);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('of a pack is cut at the cap', async () => {
    const head = `${packet('packfile\n')}${packet('\x01PACK\0\0\0\x02\0\0\x7f\x7f')}`;
    const endless = speaking(main, (response) => {
      response.write(Buffer.from(head, 'latin1'));
      pour(response, packet(`\x01${'x'.repeat(60_000)}`));
    });
    const { url, sources: own } = await serve(endless, { deadline: 20_000, maxBytes: 8 * 1024 * 1024 });
    poured = 0;
    expect(await refusal(own, url)).toMatchObject({ code: 'SourceTooLarge' });
    // What is more than the cap stands in the buffers of the sockets.
    expect(poured).toBeLessThan(30 * 1024 * 1024);
  });
});

describe('G6: a server that is slow or breaks off', () => {
  const drip = (response: ServerResponse): void => {
    const timer = setInterval(() => response.write('0'), 100);
    response.on('close', () => clearInterval(timer));
  };
  it.each<[string, RequestListener]>([
    ['says nothing', () => undefined],
    ['sends a byte now and then', (_request, response) => drip(response.writeHead(200))],
    ['sends a byte now and then of the references', speaking(drip, main)],
    ['sends a byte now and then of the pack', speaking(main, drip)],
  ])('that %s is given up at the deadline, and nobody else waits for it', async (_what, listener) => {
    const { url, sources: own } = await serve(listener);
    const began = performance.now();
    const slow = refusal(own, url);
    const repository = git.repository(`other-${Math.random()}.git`);
    repository.commit({ 'a.yaml': '1' });
    expect(textsOf(await snapshotOf(own, sourceRequest(repository.url)))).toEqual({ 'a.yaml': '1' });
    expect(await slow).toMatchObject({ code: 'SourceUnreachable' });
    expect(performance.now() - began).toBeLessThan(4_000);
  });

  it('that drops a pack half-way has sent none', async () => {
    const half = speaking(main, (response) => {
      response.write(Buffer.from(`${packet('packfile\n')}${packet('\x01PACK\0\0\0\x02\0\0\0\x05xx')}`, 'latin1'));
      setTimeout(() => response.destroy(), 50);
    });
    const { url, sources: own } = await serve(half);
    expect(await refusal(own, url)).toMatchObject({ code: 'SourceUnreachable' });
  });
});
