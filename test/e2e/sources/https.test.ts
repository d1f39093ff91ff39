import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressRule, openConnections } from '../../../sync/source/connections.ts';
import { createGitSources } from '../../../sync/source/git.ts';
import type { Credentials } from '../../../sync/source/login.ts';
import { type Authority, type Certificate, createAuthority, hasOpenssl } from '../support/certificates.ts';
import { type GitServer, startGitServer } from '../support/git-server.ts';
import { type ProxyServer, startProxy } from '../support/proxy.ts';
import { snapshotOf, sourceRequest, textsOf } from '../support/source-requests.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-https-'));
const basic = `Basic ${Buffer.from('ada:secret').toString('base64')}`;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!hasOpenssl)('a repository over HTTPS', () => {
  let authority: Authority;
  let me: Certificate;
  let open: GitServer;
  let mutual: GitServer;
  let proxy: ProxyServer;
  const sources = createGitSources(join(folder, 'data'));
  beforeAll(async () => {
    authority = createAuthority(folder);
    me = authority.issue('me');
    const server = authority.issue('server');
    open = await startGitServer({ credentials: 'ada:secret', tls: server });
    mutual = await startGitServer({ tls: { ...server, ca: authority.ca } });
    proxy = await startProxy('way:past');
    for (const git of [open, mutual]) git.repository('a.git').commit({ 'a.yaml': '1' });
  });
  afterAll(async () => {
    await sources.close();
    await Promise.all([open.close(), mutual.close(), proxy.close()]);
  });

  const read = async (git: GitServer, credentials: Partial<Credentials>): Promise<unknown> => {
    const { port } = new URL(git.repository(`x-${Math.random()}.git`).url);
    return textsOf(await snapshotOf(sources, sourceRequest(`https://127.0.0.1:${port}/a.git`, { credentials })));
  };
  const files = { 'a.yaml': '1' };

  it('is read by who trusts its certificate, and logs in by password or token', async () => {
    const tls = { ca: authority.ca };
    expect(await read(open, { tls, authorization: basic })).toEqual(files);
    expect(await read(open, { tls, authorization: 'Bearer secret' })).toEqual(files);
  });

  it.each<[string, () => Partial<Credentials>, string]>([
    ['without its authority', () => ({ authorization: basic }), 'SourceUnreachable'],
    ['with another password', () => ({ tls: { ca: authority.ca }, authorization: 'Basic eA==' }), 'SourceUnauthorized'],
  ])('is not read %s', async (_what, credentials, code) => {
    await expect(read(open, credentials())).rejects.toMatchObject({ code });
  });

  it('that asks for a certificate is read by who has one', async () => {
    const { ca } = authority;
    expect(await read(mutual, { tls: { ca, cert: me.cert, key: me.key } })).toEqual(files);
    await expect(read(mutual, { tls: { ca } })).rejects.toMatchObject({ code: 'SourceUnreachable' });
  });

  it('is read through the proxy of the machine too, by who trusts an authority of their own', async () => {
    const environment = { HTTPS_PROXY: `http://way:past@127.0.0.1:${proxy.port}` };
    const connections = openConnections(addressRule(['loopback']), environment);
    const own = createGitSources(join(folder, 'machine'), { connections });
    const before = proxy.passed.length;
    const { port } = new URL(open.repository(`y-${Math.random()}.git`).url);
    const credentials = { tls: { ca: authority.ca }, authorization: basic };
    const asked = sourceRequest(`https://127.0.0.1:${port}/a.git`, { credentials });
    expect(textsOf(await snapshotOf(own, asked))).toEqual(files);
    expect(proxy.passed.length).toBeGreaterThan(before);
    await own.close();
    await connections.close();
  });

  it('is read through a proxy, whose password never goes to the server', async () => {
    const { ca } = authority;
    const way = `http://way:past@127.0.0.1:${proxy.port}`;
    expect(await read(open, { tls: { ca }, authorization: basic, proxy: way })).toEqual(files);
    expect(proxy.passed.length).toBeGreaterThan(0);
    expect(await read(mutual, { tls: { ca, cert: me.cert, key: me.key }, proxy: way })).toEqual(files);
    await expect(
      read(open, { tls: { ca }, authorization: basic, proxy: way.replace('past', 'wrong') }),
    ).rejects.toMatchObject({ code: 'SourceUnreachable', message: expect.not.stringContaining('wrong') });
    expect(proxy.refused.length).toBeGreaterThan(0);
  });
});

describe('a repository over HTTP', () => {
  it('is read through the proxy of the machine, but for what that leaves out', async () => {
    const git = await startGitServer();
    const proxy = await startProxy('way:past');
    const { url } = git.repository('a.git');
    git.repository('b.git').commit({ 'a.yaml': '1' });
    const through = async (noProxy: string): Promise<void> => {
      const way = `http://way:past@127.0.0.1:${proxy.port}`;
      process.env['HTTP_PROXY'] = way;
      process.env['NO_PROXY'] = noProxy;
      const connections = openConnections(addressRule(['loopback']));
      const sources = createGitSources(join(folder, 'proxied'), { connections });
      await snapshotOf(sources, sourceRequest(url.replace('a.git', 'b.git')));
      await sources.close();
      await connections.close();
    };
    try {
      await through('');
      const { length } = proxy.passed;
      expect(length).toBeGreaterThan(0);
      await through('127.0.0.1');
      expect(proxy.passed).toHaveLength(length);
    } finally {
      delete process.env['HTTP_PROXY'];
      delete process.env['NO_PROXY'];
      await proxy.close();
      await git.close();
    }
  });

  // G2 of the vectors: by number, by name, behind other notations; what names say is unit/sync/source/connections, redirects are web.
  it.each([
    'http://127.1:9/r',
    'http://0x7f.1:9/r',
    'http://2130706433:9/r',
    'http://[::1]:9/r',
    'http://[::ffff:127.0.0.1]:9/r',
    'http://[::ffff:169.254.169.254]/r',
    'http://0.0.0.0:9/r',
    'http://localhost:9/r',
    'http://2852039166/r',
    'http://169.254.169.254/latest/meta-data',
    'ssh://git@127.0.0.1:9/r',
    'ssh://git@localhost:9/r',
    'http://10.0.0.1:9/r',
  ])('is not even connected to at %s, where that is not allowed', async (url) => {
    const connections = openConnections(addressRule(['public']), {});
    const sources = createGitSources(join(folder, 'forbidden'), { connections });
    const ssh = { identity: 'x', passphrase: undefined, knownHosts: '* ssh-ed25519 AAAA\n[*]:9 ssh-ed25519 AAAA' };
    await expect(sources.tip(sourceRequest(url, { credentials: { ssh } }))).rejects.toMatchObject({
      code: 'NotAllowed',
      message: expect.stringContaining('--source-addresses'),
    });
    await sources.close();
    await connections.close();
  });
});
