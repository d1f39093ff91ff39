import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGitSources } from '../../../sync/source/git.ts';
import type { Credentials } from '../../../sync/source/login.ts';
import { transportDefaults } from '../../../sync/source/transport.ts';
import { type GitServer, type Repository, startGitServer } from '../support/git-server.ts';
import { snapshotOf, sourceRequest, textsOf } from '../support/source-requests.ts';
import { hasSshd, type SshServer, startSshServer } from '../support/ssh-server.ts';

describe.skipIf(!hasSshd).each([
  ['sshd', {}],
  ['sshd that lets no protocol v2 through', { isOld: true }],
])('a repository over SSH, from %s', (_what, options) => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-ssh-'));
  let git: GitServer;
  let ssh: SshServer;
  let repository: Repository;
  let url: string;
  let key: string;
  beforeAll(async () => {
    git = await startGitServer();
    ssh = await startSshServer(options);
    repository = git.repository("it's.git");
    repository.commit({ 'deploy/a.yaml': '1', 'b.yaml': 'b' });
    url = `ssh://${ssh.user}@127.0.0.1:${ssh.port}${git.root}/it's.git`;
    key = ssh.key('ed25519');
  });
  afterAll(async () => {
    await ssh.close();
    await git.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const login = (identity: string, more: Partial<NonNullable<Credentials['ssh']>> = {}) => ({
    credentials: { ssh: { identity, passphrase: undefined, knownHosts: ssh.knownHosts, ...more } },
  });

  it('is read, and followed, over one login', async () => {
    const sources = createGitSources(join(folder, 'a'));
    const asked = sourceRequest(url, { ...login(key), path: 'deploy' });
    expect(textsOf(await snapshotOf(sources, asked))).toEqual({ 'a.yaml': '1' });
    repository.commit({ 'deploy/a.yaml': '2', 'deploy/c.yaml': 'c' });
    const logins = (): number => ssh.log().split('Accepted publickey').length - 1;
    const before = logins();
    expect(textsOf(await snapshotOf(sources, asked))).toEqual({ 'a.yaml': '2', 'c.yaml': 'c' });
    expect(logins()).toBe(before);
    await sources.close();
  });

  it.each([
    ['ed25519', 'a pass phrase'],
    ['ecdsa', ''],
    ['rsa', ''],
    ['rsa', 'a pass phrase'],
  ] as const)('lets in a key of %s, locked with %j', async (type, passphrase) => {
    const sources = createGitSources(join(folder, 'b'));
    const asked = sourceRequest(url, login(ssh.key(type, passphrase), { passphrase: passphrase || undefined }));
    expect(textsOf(await snapshotOf(sources, asked))).toMatchObject({ 'b.yaml': 'b' });
    await sources.close();
  });

  it('logs in anew when the server ended the login without a word', async () => {
    const sources = createGitSources(join(folder, 'c'));
    const asked = sourceRequest(url, login(key));
    await sources.tip(asked);
    ssh.drop();
    expect((await sources.tip(asked)).ref).toBe('refs/heads/main');
    await sources.close();
  });

  it.each<[string, () => Parameters<typeof sourceRequest>[1], string, RegExp]>([
    ['no login', () => ({}), 'CredentialsNotFound', /keys identity and known_hosts/],
    ['a key of a stranger', () => login(ssh.strangersKey()), 'SourceUnauthorized', /does not accept the SSH key/],
    ['no key at all', () => login('C4NARY-7f3a'), 'SourceUnauthorized', /^the SSH key can not be read/],
    ['a locked key without its password', () => login(ssh.key('rsa', 'locked')), 'SourceUnauthorized', /password/],
    [
      'a locked key and another password',
      () => login(ssh.key('ed25519', 'locked'), { passphrase: 'C4NARY-7f3a' }),
      'SourceUnauthorized',
      /^the SSH key can not be read/,
    ],
    ['nobody in known_hosts', () => login(key, { knownHosts: '' }), 'HostKeyUnknown', /holds no key of 127\.0\.0\.1/],
    [
      'another server in known_hosts',
      () =>
        login(key, {
          knownHosts: ssh.knownHosts.replace(/AAAA\S{20}/, (text) => text.toLowerCase().replace('aaaa', 'AAAA')),
        }),
      'HostKeyUnknown',
      /shows a key that known_hosts does not name/,
    ],
  ])('is not read with %s', async (_what, more, code, message) => {
    const sources = createGitSources(join(folder, 'd'));
    const refused = sources.tip(sourceRequest(url, more()));
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('C4NARY') });
    await sources.close();
  });

  it.each([
    ['says nothing', 'sleep 60'],
    ['sends a byte now and then', 'while :; do printf 0; sleep 0.7; done'],
    ['says nothing after its first words', 'printf 000eversion; sleep 60'],
  ])('of a server that %s is given up at the deadline (G6)', async (_what, command) => {
    const limits = { ...transportDefaults, deadline: 1_500 };
    const sources = createGitSources(join(folder, 'silent'), { limits });
    const began = performance.now();
    await expect(sources.tip(sourceRequest(url, login(ssh.key('ed25519', undefined, command))))).rejects.toMatchObject({
      code: 'SourceUnreachable',
    });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect((await sources.tip(sourceRequest(url, login(key)))).ref).toBe('refs/heads/main');
    await sources.close();
  });

  it('that is not there says what the server says', async () => {
    const sources = createGitSources(join(folder, 'e'));
    await expect(sources.tip(sourceRequest(`${url}-none`, login(key)))).rejects.toMatchObject({
      code: 'SourceUnreachable',
      message: expect.stringContaining('does not appear to be a git repository'),
    });
    await sources.close();
  });
});
