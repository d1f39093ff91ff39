import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCredentials } from '../../../agent/credentials.ts';
import { readSopsKeys } from '../../../agent/decryption.ts';
import { loadAccess } from '../../../agent/kube/client.ts';
import type { Json } from '../../../diff/json.ts';
import type { Cluster } from '../../../sync/ports.ts';
import { printYaml } from '../../../sync/render/yaml-print.ts';
import { loginFor } from '../../../sync/source/login.ts';
import { parseSourceUrl } from '../../../sync/source/url.ts';
import { writeKubeconfig } from '../../e2e/support/kubeconfig.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-access-'));
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function kubeconfig(name: string, user: Json): string {
  const file = join(folder, name);
  const cluster = { server: 'https://127.0.0.1:6443/', 'certificate-authority-data': base64('authority') };
  writeKubeconfig(file, cluster, user);
  return file;
}

describe('access to the API server', () => {
  it('is by a token', async () => {
    const access = await loadAccess(kubeconfig('token', { token: 'abc' }), Date.now);
    expect(access.server).toBe('https://127.0.0.1:6443');
    expect(String(access.tls['ca'])).toBe('authority');
    expect(await access.headers()).toMatchObject({ Authorization: 'Bearer abc' });
  });

  it('is by a client certificate', async () => {
    const user = { 'client-certificate-data': base64('certificate'), 'client-key-data': base64('key') };
    const access = await loadAccess(kubeconfig('certificate', user), Date.now);
    expect([String(access.tls['cert']), String(access.tls['key'])]).toEqual(['certificate', 'key']);
  });

  it('is by a program, which is asked again when its answer is old', async () => {
    const counter = join(folder, 'count');
    writeFileSync(counter, '0');
    const script = `const fs = require('fs'); const n = Number(fs.readFileSync('${counter}')) + 1; fs.writeFileSync('${counter}', String(n)); console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'run-' + n, expirationTimestamp: new Date(0).toISOString() } }))`;
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', script],
      interactiveMode: 'Never',
    };
    let now = 0;
    const access = await loadAccess(kubeconfig('exec', { exec }), () => now);
    const first = await access.headers();
    expect(first['Authorization']).toMatch(/^Bearer run-\d+$/);
    expect(await access.headers()).toEqual(first);
    now = 60_000;
    expect(await access.headers()).not.toEqual(first);
  });

  it('needs a current context', async () => {
    const file = join(folder, 'empty');
    writeFileSync(file, printYaml({ apiVersion: 'v1', kind: 'Config', clusters: [], users: [], contexts: [] }));
    await expect(loadAccess(file, Date.now)).rejects.toThrow('names no current cluster');
  });
});

/** A cluster with one Secret. */
const secret = (data: Record<string, string>): Cluster =>
  ({
    get: async () => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
    }),
  }) as unknown as Cluster;

describe('credentials of a Git server', () => {
  const noTokens = { of: () => Promise.reject(new Error('no app is asked for')) };
  const read = (cluster: Cluster) => readCredentials(cluster, 'shop', { secret: 's' }, noTokens);

  it.each([
    [{ username: 'ada', password: 'secret-1' }, `Basic ${base64('ada:secret-1')}`],
    [{ password: 'secret-2' }, `Basic ${base64('git:secret-2')}`],
    [{ bearerToken: 'token-3\n' }, 'Bearer token-3'],
    [{ token: 'token-4', username: 'x' }, 'Bearer token-4'],
  ])('are read from %j', async (data, authorization) => {
    expect(await read(secret(data as Record<string, string>))).toMatchObject({ authorization });
  });

  it.each<[Record<string, string>, object]>([
    [
      { identity: 'PEM', known_hosts: 'h k x', password: 'unlock' },
      { authorization: undefined, ssh: { identity: 'PEM\n', passphrase: 'unlock', knownHosts: 'h k x' } },
    ],
    [{ sshPrivateKey: 'PEM', sshKnownHosts: 'h' }, { ssh: { identity: 'PEM\n', passphrase: undefined } }],
    [{ 'ca.crt': 'CA' }, { authorization: undefined, tls: { ca: 'CA' } }],
    [{ 'tls.crt': 'C', 'tls.key': 'K', caFile: 'CA' }, { tls: { ca: 'CA', cert: 'C', key: 'K' } }],
    [{ tlsClientCertData: 'C', tlsClientCertKey: 'K', password: 'p-5' }, { tls: { cert: 'C', key: 'K' } }],
    [{ proxy: 'http://user:pass-6@proxy:3128', token: 't-6' }, { proxy: 'http://user:pass-6@proxy:3128/' }],
  ])('are read whole from %j', async (data, expected) => {
    expect(await read(secret(data))).toMatchObject(expected);
  });

  it('for registries are kept by their servers, and sent to no other', async () => {
    const pair = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;
    const auths = {
      'ghcr.io': { auth: Buffer.from('ada:p:q').toString('base64') },
      'https://index.docker.io/v1/': { username: 'bob', password: 'hub-password' },
      'empty.example.com': {},
      'host.example.com:5000': { username: 'eve', password: 'port-5000' },
      'host.example.com': { username: 'eve', password: 'port-443' },
      'host.example.com/team': { username: 'eve', password: 'team-only' },
    };
    const { registries, authorization } = await read(secret({ '.dockerconfigjson': JSON.stringify({ auths }) }));
    expect([...(registries ?? [])]).toEqual([
      ['https://ghcr.io:443', pair('ada:p:q')],
      ['https://docker.io:443', pair('bob:hub-password')],
      ['https://host.example.com:5000', pair('eve:port-5000')],
      ['https://host.example.com:443', pair('eve:port-443')],
      ['https://host.example.com:443/team', pair('eve:team-only')],
    ]);
    expect(authorization).toBeUndefined();
    const named = await read(secret({ url: 'https://Charts.example.com/x', username: 'eve', password: 'pass-7' }));
    expect([...(named.registries ?? [])]).toEqual([['https://charts.example.com:443/x', pair('eve:pass-7')]]);
    const all = await read(secret({ '.dockerconfigjson': JSON.stringify({ auths }) }));
    const loginAt = (url: string, isPlain = false) => loginFor(all, parseSourceUrl(url), isPlain);
    for (const hub of ['oci://docker.io/library/x', 'oci://registry-1.docker.io/bitnamicharts/x'])
      expect(loginAt(hub)).toBe(pair('bob:hub-password'));
    expect(loginAt('oci://host.example.com:5000/team/x')).toBe(pair('eve:port-5000'));
    expect(loginAt('oci://host.example.com/team/x')).toBe(pair('eve:team-only'));
    expect(loginAt('https://host.example.com/teams/x')).toBe(pair('eve:port-443'));
    for (const other of ['http://host.example.com/team/x', 'http://host.example.com:5000/x', 'oci://ghcr.io:8443/x'])
      expect(loginAt(other)).toBeUndefined();
    expect(loginAt('oci://host.example.com:5000/x', true)).toBe(pair('eve:port-5000'));
  });

  it('are known by all that they hold, and by no more', async () => {
    const print = async (data: Record<string, string>) => (await read(secret(data))).fingerprint;
    const prints = await Promise.all(
      [{ password: 'secret' }, { password: 'secret', 'ca.crt': 'CA' }, { password: 'other' }].map(print),
    );
    expect(new Set(prints).size).toBe(3);
    expect(await print({ password: 'secret', unused: 'x' })).toBe(prints[0]);
  });

  it.each([
    [{ identity: 'PEM' }, 'needs known_hosts too'],
    [{ 'tls.crt': 'C' }, 'needs both tls.crt and tls.key'],
    [{ githubAppID: '7' }, 'needs githubAppPrivateKey'],
    [{ githubAppID: '7', githubAppPrivateKey: 'PEM' }, 'githubAppInstallationID or githubAppInstallationOwner'],
    [{ password: 'p', proxy: 'proxy:3128' }, 'needs an address of a proxy'],
    [{ '.dockerconfigjson': '{"auths": C4NARY' }, 'is no JSON'],
  ])('are refused where half is missing: %j', async (data, problem) => {
    await expect(read(secret(data as Record<string, string>))).rejects.toThrow(problem);
  });

  it('are missed with a word on what is needed', async () => {
    await expect(read(secret({ username: 'ada' }))).rejects.toThrow(
      'the Secret shop/s needs the keys username and password, bearerToken, .dockerconfigjson, identity',
    );
    const none = { get: async () => undefined } as unknown as Cluster;
    await expect(read(none)).rejects.toMatchObject({ code: 'CredentialsNotFound' });
  });
});

describe('keys of encrypted files', () => {
  const readKeys = (data: Record<string, string>) => readSopsKeys(secret(data), 'shop', 's');

  it('are identities of age, one a line, and private keys of OpenPGP', async () => {
    const agekey =
      '# created: 2026\n# public key: age1x\nAGE-SECRET-KEY-1ABC\r\n\nAGE-SECRET-KEY-PQ-1DEF\nage1notakey\n';
    expect(await readKeys({ 'a.agekey': agekey, 'b.asc': 'PGP', other: 'x' })).toEqual({
      age: ['AGE-SECRET-KEY-1ABC', 'AGE-SECRET-KEY-PQ-1DEF'],
      pgp: ['PGP'],
    });
  });

  it('are missed with a word on what is needed', async () => {
    await expect(readKeys({ key: 'AGE-SECRET-KEY-1ABC' })).rejects.toThrow('a key that ends in .agekey');
    const none = { get: async () => undefined } as unknown as Cluster;
    await expect(readSopsKeys(none, 'shop', 's')).rejects.toMatchObject({ code: 'CredentialsNotFound' });
  });
});
