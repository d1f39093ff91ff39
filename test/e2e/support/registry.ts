import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { createServer, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { Agent, fetch } from 'undici';
import { type Authority, type Certificate, createAuthority } from './certificates.ts';
import { until } from './kube.ts';
import { ended, freePort } from './process.ts';

/** A real registry of OCI, over TLS unless it is a plain one. */
export interface RegistryServer {
  /** `oci://host:port`. */
  readonly url: string;
  readonly ca: string;
  /**
   * Pushes an artifact with one layer.
   * @returns the digest of its manifest
   */
  push(name: string, tag: string, layer: Uint8Array, more?: Partial<PushedAs>): Promise<string>;
  close(): Promise<void>;
}

/** What an artifact says of itself. */
export interface PushedAs {
  readonly layerType: string;
  readonly configType: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Whether the machine has a registry: tests that need one are skipped, by name, where it has not. */
export const hasRegistry = spawnSync('docker-registry', ['--version']).status === 0;

/** The types that Helm and Flux push by. */
export const helmChart: Partial<PushedAs> = {
  layerType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
  configType: 'application/vnd.cncf.helm.config.v1+json',
};

/** How one logs in: `none`, by a password, or by tokens that another server makes. */
export type RegistryLogin = 'none' | 'password' | 'token';
export const registryUser = { username: 'ada', password: 'C4NARY-registry' };
/** That password, hashed by bcrypt as the registry wants it. */
const hashed = '$2b$04$RrB0TOcSB3HCswgcdybynuwJPbuHBmWtywOg/kdWqm.yCiCe6ymPS';

/** @param isPlain whether it speaks HTTP without TLS, which only a test of that wants */
export async function startRegistry(login: RegistryLogin = 'none', isPlain = false): Promise<RegistryServer> {
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-registry-'));
  const authority = createAuthority(dir);
  const server = authority.issue('registry');
  for (const [name, text] of Object.entries({ 'server.crt': server.cert, 'server.key': server.key }))
    writeFileSync(join(dir, name), text);
  writeFileSync(join(dir, 'users'), `${registryUser.username}:${hashed}\n`);
  const port = await freePort();
  const tokens = login === 'token' ? await startTokens(authority) : undefined;
  const auth = { none: {}, password: passwordAuth(dir), token: tokenAuth(dir, tokens?.url ?? '') }[login];
  const tls = { certificate: join(dir, 'server.crt'), key: join(dir, 'server.key') };
  const config = {
    version: '0.1',
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(dir, 'data') } },
    http: { addr: `127.0.0.1:${port}`, ...(isPlain ? {} : { tls }) },
    ...auth,
  };
  writeFileSync(join(dir, 'config.yml'), JSON.stringify(config));
  const child: ChildProcess = spawn('docker-registry', ['serve', join(dir, 'config.yml')], { stdio: 'ignore' });
  const dispatcher = new Agent({ connect: { ca: authority.ca } });
  const origin = `${isPlain ? 'http' : 'https'}://127.0.0.1:${port}`;
  await until('the registry answers', async () =>
    fetch(`${origin}/v2/`, { dispatcher }).then(
      () => true,
      () => undefined,
    ),
  );
  return {
    url: `oci://127.0.0.1:${port}`,
    ca: authority.ca,
    push: (name, tag, layer, more = {}) => {
      const authorization = tokens === undefined ? basic() : `Bearer ${tokens.token(name, ['pull', 'push'])}`;
      return push({ origin, dispatcher, authorization }, name, tag, layer, more);
    },
    close: async () => {
      await ended(child, 'SIGKILL');
      await dispatcher.close();
      tokens?.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function basic(): string {
  return `Basic ${Buffer.from(`${registryUser.username}:${registryUser.password}`).toString('base64')}`;
}

function passwordAuth(dir: string): object {
  return { auth: { htpasswd: { realm: 'test', path: join(dir, 'users') } } };
}

function tokenAuth(dir: string, realm: string): object {
  return { auth: { token: { realm, service: 'registry', issuer: 'tokens', rootcertbundle: join(dir, 'ca.crt') } } };
}

interface Tokens {
  readonly url: string;
  token(name: string, actions: readonly string[]): string;
  close(): void;
}

/** Makes tokens for whoever logs in, as the registries of GitHub and Docker have it. */
async function startTokens(authority: Authority): Promise<Tokens> {
  const signer = authority.issue('tokens');
  const token = (name: string, actions: readonly string[]): string => makeToken(signer, name, actions);
  const { createServer: createSecure } = await import('node:https');
  const handler: Parameters<typeof createServer>[1] = (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'https://tokens');
    const [, name = '', actions = ''] = (searchParams.get('scope') ?? '').split(':');
    const isKnown = request.headers.authorization === basic();
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isKnown ? { token: token(name, actions.split(',')) } : {}));
  };
  const certificate = authority.issue('token-server');
  const server: Server = createSecure({ cert: certificate.cert, key: certificate.key }, handler) as unknown as Server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}/token`, token, close: () => server.close() };
}

function makeToken({ cert, key }: Certificate, name: string, actions: readonly string[]): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const chain = cert.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  const now = Math.floor(Date.now() / 1000);
  const access = [{ type: 'repository', name, actions }];
  const claims = {
    iss: 'tokens',
    sub: 'ada',
    aud: 'registry',
    exp: now + 300,
    nbf: now - 5,
    iat: now,
    jti: String(now),
    access,
  };
  const signed = `${encode({ typ: 'JWT', alg: 'ES256', x5c: [chain] })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: createPrivateKey(key), dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

interface Door {
  readonly origin: string;
  readonly dispatcher: Agent;
  readonly authorization: string;
}

async function push(
  door: Door,
  name: string,
  tag: string,
  layer: Uint8Array,
  more: Partial<PushedAs>,
): Promise<string> {
  const { layerType = 'application/vnd.cncf.flux.content.v1.tar+gzip', annotations = {} } = more;
  const { configType = 'application/vnd.cncf.flux.config.v1+json' } = more;
  const config = Buffer.from('{}');
  const descriptor = (mediaType: string, bytes: Uint8Array) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  for (const bytes of [config, layer]) await pushBlob(door, name, bytes);
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: descriptor(configType, config),
    layers: [descriptor(layerType, layer)],
    annotations,
  });
  await ask(door, 'PUT', `/v2/${name}/manifests/${tag}`, Buffer.from(manifest), mediaType);
  return digestOf(Buffer.from(manifest));
}

async function pushBlob(door: Door, name: string, bytes: Uint8Array): Promise<void> {
  const begun = await ask(door, 'POST', `/v2/${name}/blobs/uploads/`, undefined, undefined);
  const place = new URL(begun.headers.get('location') ?? '', door.origin);
  place.searchParams.set('digest', digestOf(bytes));
  await ask(door, 'PUT', `${place.pathname}${place.search}`, bytes, 'application/octet-stream');
}

async function ask(door: Door, method: string, path: string, body: Uint8Array | undefined, type: string | undefined) {
  const headers = { authorization: door.authorization, ...(type === undefined ? {} : { 'content-type': type }) };
  const answer = await fetch(`${door.origin}${path}`, {
    dispatcher: door.dispatcher,
    method,
    headers,
    body: body ?? null,
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** An archive as Flux and Helm make it. */
export async function archiveOf(files: Readonly<Record<string, string | { link: string }>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files))
    if (typeof content === 'string') tar.entry({ name, mtime: new Date(0) }, content);
    else tar.entry({ name, mtime: new Date(0), type: 'symlink', linkname: content.link });
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk as Uint8Array);
  return gzipSync(Buffer.concat(chunks));
}
