import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressClasses } from '../../../sync/addresses.ts';
import type { Sources } from '../../../sync/ports.ts';
import { addressRule, type Connections, openConnections } from '../../../sync/source/connections.ts';
import { artifactFollowedOf, type RefSpec } from '../../../sync/source/follow.ts';
import type { Credentials } from '../../../sync/source/login.ts';
import { createSources } from '../../../sync/source/sources.ts';
import { hasOpenssl } from '../support/certificates.ts';
import { configMap } from '../support/manifests.ts';
import {
  archiveOf,
  hasRegistry,
  helmChart,
  type RegistryServer,
  registryUser,
  startRegistry,
} from '../support/registry.ts';
import { snapshotOf, sourceRequest, textsOf } from '../support/source-requests.ts';

let folder: string;
let connections: Connections;
let sources: Sources;
const readIndex = () => Promise.reject(new Error('no index here'));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-artifacts-'));
  connections = openConnections(addressRule(addressClasses), {});
  ({ sources } = createSources(join(folder, 'data'), { connections, readIndex }));
});
afterAll(async () => {
  await sources.close();
  await connections.close();
  rmSync(folder, { recursive: true, force: true });
});

const basic = `Basic ${Buffer.from(`${registryUser.username}:${registryUser.password}`).toString('base64')}`;

function request(server: RegistryServer, name: string, ref: RefSpec = {}, login: Partial<Credentials> = {}) {
  const more = { followed: artifactFollowedOf(ref), credentials: { tls: { ca: server.ca }, ...login } };
  return sourceRequest(`${server.url}/${name}`, more);
}

describe.skipIf(!hasRegistry || !hasOpenssl)('an artifact of a registry', () => {
  let server: RegistryServer;
  beforeAll(async () => {
    server = await startRegistry();
  });
  afterAll(() => server.close());

  it('is read by tag, range of versions and digest, with what it says of itself', async () => {
    const digests: string[] = [];
    for (const tag of ['1.0.0', '1.4.0', '2.0.0-rc.1', 'latest']) {
      const files = { 'deploy/a.yaml': configMap('a', { tag }), './README.md': tag };
      const annotations = {
        'org.opencontainers.image.revision': `main@sha1:${tag}`,
        'org.opencontainers.image.source': 'https://git.example.com/shop',
      };
      digests.push(await server.push('team/shop', tag, await archiveOf(files), { annotations }));
    }
    const at = async (ref: RefSpec) => sources.tip(request(server, 'team/shop', ref));
    expect(await at({})).toEqual({ revision: digests[3], ref: 'refs/tags/latest', object: digests[3] });
    expect(await at({ tag: '1.0.0' })).toMatchObject({ revision: digests[0] });
    expect(await at({ semver: '>=1.0.0' })).toMatchObject({ revision: digests[1], ref: 'refs/tags/1.4.0' });
    expect(await at({ semver: '>=2.0.0-0' })).toMatchObject({ revision: digests[2] });
    const digest = digests[0] ?? '';
    expect(await at({ semver: '9', digest })).toEqual({ revision: digest, ref: undefined, object: digest });
    const snapshot = await snapshotOf(sources, { ...request(server, 'team/shop', { digest }), path: 'deploy' });
    expect(textsOf(snapshot)).toEqual({ 'a.yaml': configMap('a', { tag: '1.0.0' }) });
    expect(snapshot.commit).toMatchObject({ author: 'https://git.example.com/shop', subject: 'main@sha1:1.0.0' });
    expect(snapshot.view('README.md').kind).toBe('file');
    await expect(at({ tag: 'gone' })).rejects.toMatchObject({ code: 'RefNotFound' });
    await expect(at({ semver: '^3' })).rejects.toMatchObject({ code: 'RefNotFound' });
    await expect(sources.tip(request(server, 'team/none'))).rejects.toMatchObject({ code: 'RefNotFound' });
    await expect(snapshotOf(sources, { ...request(server, 'team/shop'), path: 'gone' })).rejects.toMatchObject({
      code: 'PathNotFound',
    });
  });

  it.each([
    ['application/vnd.oci.image.layer.v1.tar+gzip', true],
    ['application/vnd.oci.image.layer.v1.tar', false],
  ])('of an image is read too: %s', async (layerType, isPacked) => {
    const files = { 'a.yaml': configMap('a', { type: layerType }) };
    const packed = await archiveOf(files);
    const name = `team/image-${isPacked}`;
    await server.push(name, 'latest', isPacked ? packed : gunzipSync(packed), {
      layerType,
      configType: 'application/vnd.oci.image.config.v1+json',
    });
    expect(textsOf(await snapshotOf(sources, request(server, name)))).toEqual(files);
  });

  it('has many tags', async () => {
    const layer = await archiveOf({ 'a.yaml': configMap('a', {}) });
    for (let minor = 0; minor < 30; minor += 1) await server.push('team/many', `1.${minor}.0`, layer);
    expect(await sources.tip(request(server, 'team/many', { semver: '1.x' }))).toMatchObject({
      ref: 'refs/tags/1.29.0',
    });
  });

  it('with a chart is read from the folder of the chart', async () => {
    const layer = await archiveOf({ 'web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n' });
    await server.push('charts/web', '1.0.0', layer, helmChart);
    expect(textsOf(await snapshotOf(sources, request(server, 'charts/web', { tag: '1.0.0' })))).toHaveProperty(
      'Chart.yaml',
    );
  });

  it('leaves out what ignore files name, and what a Delivery names', async () => {
    const files = { '.sourceignore': '*.txt\n', 'a/b.yaml': 'x', 'a/c.txt': 'x', 'd.yaml': 'x' };
    await server.push('team/ignore', 'latest', await archiveOf(files));
    const asked = request(server, 'team/ignore');
    expect(Object.keys(textsOf(await snapshotOf(sources, asked)))).toEqual(['.sourceignore', 'd.yaml', 'a/b.yaml']);
    expect(Object.keys(textsOf(await snapshotOf(sources, { ...asked, path: 'a' })))).toEqual(['b.yaml']);
    expect(Object.keys(textsOf(await snapshotOf(sources, { ...asked, ignore: 'd.yaml' })))).not.toContain('d.yaml');
  });

  it('that leads elsewhere, is no archive or is too much is refused, and says why', async () => {
    const refused = async (name: string, layer: Uint8Array) => {
      await server.push(`bad/${name}`, 'latest', layer);
      return snapshotOf(sources, request(server, `bad/${name}`)).catch((error: Error) => error.message);
    };
    expect(await refused('up', await archiveOf({ '../../etc/passwd': 'x' }))).toMatch('forbidden name');
    expect(await refused('root', await archiveOf({ '/etc/passwd': 'x' }))).toMatch('forbidden name');
    expect(await refused('text', Buffer.from('no archive'.repeat(100)))).toMatch('is no archive');
    expect(await refused('bomb', await archiveOf({ 'a.yaml': 'a'.repeat(120 * 1024 * 1024) }))).toMatch(
      'unpacks to more than it may',
    );
  });

  it('with links tells them as such, and what they lead to is nowhere', async () => {
    await server.push('bad/links', 'latest', await archiveOf({ 'a.yaml': { link: '/etc/passwd' }, 'b.yaml': 'b' }));
    const { files } = await snapshotOf(sources, request(server, 'bad/links'));
    expect(files.map(({ path, type, read }) => [path, type, Buffer.from(read()).toString()])).toEqual([
      ['a.yaml', 'symlink', ''],
      ['b.yaml', 'file', 'b'],
    ]);
  });
});

describe.skipIf(!hasRegistry || !hasOpenssl)('a registry that asks for a login', () => {
  it.each(['password', 'token'] as const)('by %s gets one, and nobody else does', async (login) => {
    const server = await startRegistry(login);
    try {
      const digest = await server.push('team/shop', 'latest', await archiveOf({ 'a.yaml': configMap('a', {}) }));
      const docker = { registries: new Map([[server.url.replace('oci:', 'https:'), basic]]) };
      for (const credentials of [{ authorization: basic }, docker]) {
        const asked = request(server, 'team/shop', {}, credentials);
        expect(await sources.tip(asked)).toMatchObject({ revision: digest });
        expect(Object.keys(textsOf(await snapshotOf(sources, asked)))).toEqual(['a.yaml']);
      }
      const wrong = { authorization: `Basic ${Buffer.from('ada:C4NARY-wrong').toString('base64')}` };
      for (const credentials of [{}, wrong]) {
        const answer = await sources
          .tip(request(server, 'team/shop', {}, credentials))
          .catch((error: unknown) => error);
        expect(answer).toMatchObject({ code: 'SourceUnauthorized' });
        expect(String(answer)).not.toMatch('C4NARY');
      }
    } finally {
      await server.close();
    }
  });

  it('may be one without TLS where that is said, and is never asked so where it is not', async () => {
    const server = await startRegistry('password', true);
    try {
      const digest = await server.push('team/shop', '1.0.0', await archiveOf({ 'a.yaml': configMap('a', {}) }));
      const asked = request(server, 'team/shop', { semver: '1.x' }, { authorization: basic });
      await expect(sources.tip(asked)).rejects.toMatchObject({ code: 'SourceUnreachable' });
      const plain = { ...asked, isPlain: true };
      expect(await sources.tip(plain)).toMatchObject({ revision: digest });
      expect(Object.keys(textsOf(await snapshotOf(sources, plain)))).toEqual(['a.yaml']);
    } finally {
      await server.close();
    }
  });
});
