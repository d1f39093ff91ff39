import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { textAt, toJson } from '../../../diff/json.ts';
import { createAuthority, hasOpenssl } from '../support/certificates.ts';
import { startGitServer } from '../support/git-server.ts';
import { until } from '../support/kube.ts';
import { type App, configMap, useLockstep } from '../support/lockstep.ts';
import { startProxy } from '../support/proxy.ts';
import { hasSshd, startSshServer } from '../support/ssh-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-private-'));
const lockstep = useLockstep(['private-ssh', 'private-app', 'private-https'], {
  credentials: 'x-access-token:token-1',
});
const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

async function secret(namespace: string, name: string, data: Record<string, string>): Promise<void> {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  await lockstep.kube.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    data: Object.fromEntries(encoded),
  });
}

async function isColor(app: App, wanted: string): Promise<void> {
  await until(
    `${app.namespace} is ${wanted}`,
    async () => textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'color') === wanted,
  );
}

const content = (color: string) => ({ 'a.yaml': configMap('a', { color }) });

/** Nothing that people are shown holds any of these. */
async function expectUnseen(app: App, texts: readonly string[]): Promise<void> {
  const told = `${toJson(await app.status())}${lockstep.agent.output()}${toJson(await app.events())}`;
  for (const text of texts) expect(told).not.toContain(text);
}

describe('a private repository', () => {
  it.skipIf(!hasSshd)('over SSH is delivered once its key and that of the server are known', async () => {
    const ssh = await startSshServer();
    closers.push(ssh.close);
    const repository = lockstep.git.repository('over-ssh.git');
    repository.commit(content('blue'));
    const url = `ssh://${ssh.user}@127.0.0.1:${ssh.port}${lockstep.git.root}/over-ssh.git`;
    const app = await lockstep.app('private-ssh', {}, { source: { url, secretRef: { name: 'git' } } });
    await app.refused('CredentialsNotFound');
    const identity = ssh.key('ed25519', 'C4NARY-pass');
    await secret('private-ssh', 'git', { identity, password: 'C4NARY-pass', known_hosts: 'other ssh-ed25519 AAAA' });
    await app.refused('HostKeyUnknown', 30_000);
    await secret('private-ssh', 'git', { identity, password: 'C4NARY-pass', known_hosts: ssh.knownHosts });
    await isColor(app, 'blue');
    repository.commit(content('red'));
    await isColor(app, 'red');
    await expectUnseen(app, ['C4NARY', identity.split('\n')[2] ?? 'none']);
  });

  it('of a GitHub App is delivered by tokens that the app is given', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    let asked = '';
    const github = createServer((request, response) => {
      asked = `${request.method} ${request.url}`;
      const expires_at = new Date(Date.now() + 3_600_000).toISOString();
      response.writeHead(201, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ token: 'token-1', expires_at }));
    });
    await new Promise<void>((resolve) => github.listen(0, '127.0.0.1', resolve));
    closers.push(() => github.close());
    const { port } = github.address() as AddressInfo;
    const app = await lockstep.app('private-app', content('blue'), { source: { secretRef: { name: 'app' } } });
    await secret('private-app', 'app', {
      githubAppID: '7',
      githubAppInstallationID: '42',
      githubAppPrivateKey: privateKey,
      githubAppBaseURL: `http://127.0.0.1:${port}`,
    });
    await app.ready(30_000);
    expect(asked).toBe('POST /app/installations/42/access_tokens');
    await expectUnseen(app, ['token-1', Buffer.from('x-access-token:token-1').toString('base64')]);
  });

  it.skipIf(!hasOpenssl)('of an own authority is delivered through a proxy', async () => {
    const authority = createAuthority(folder);
    const git = await startGitServer({ credentials: 'ada:C4NARY-login', tls: authority.issue('server') });
    const proxy = await startProxy('way:C4NARY-way');
    closers.push(git.close, proxy.close);
    const repository = git.repository('private-https.git');
    repository.commit(content('blue'));
    const source = { url: repository.url, secretRef: { name: 'git' }, proxySecretRef: { name: 'proxy' } };
    await lockstep.kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'private-https' } });
    await secret('private-https', 'git', { username: 'ada', password: 'C4NARY-login', 'ca.crt': authority.ca });
    const address = `http://127.0.0.1:${proxy.port}`;
    await secret('private-https', 'proxy', { address, username: 'way', password: 'C4NARY-way' });
    const app = await lockstep.app('private-https', {}, { source });
    await isColor(app, 'blue');
    expect(proxy.passed.length).toBeGreaterThan(0);
    await expectUnseen(app, ['C4NARY']);
  });
});
