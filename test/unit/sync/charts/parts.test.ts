import { describe, expect, it } from 'vitest';
import { missingParts } from '../../../../sync/charts/parts.ts';
import { type ChartReach, chartRequest } from '../../../../sync/charts/reach.ts';
import type { ChartRequest } from '../../../../sync/ports.ts';
import type { RepositoryView } from '../../../../sync/render/engine-port.ts';
import { treeOf, viewOfTree } from '../../../../sync/source/artifact/file-tree.ts';

const treeFrom = (files: Readonly<Record<string, string>>) =>
  treeOf(
    Object.entries(files).map(([path, text]) => ({ names: path.split('/'), type: 'file', data: Buffer.from(text) })),
    (data) => Buffer.from(data).toString('hex'),
  );
const credentials = {
  authorization: 'Basic home',
  registries: new Map([['https://elsewhere.example.com:443', 'Basic elsewhere']]),
  tls: { ca: 'CA', key: 'KEY', cert: 'CERT' },
  fingerprint: 'f',
};

/** Asks for what a chart needs. */
async function ask(chart: string, more: Readonly<Record<string, string>> = {}, denied = '') {
  const asked: ChartRequest[] = [];
  const reach: ChartReach = {
    charts: {
      locate: async (request) => {
        asked.push(request);
        return { version: request.version, digest: 'sha256:x', from: '' };
      },
      read: async ({ chart: name }) => treeFrom({ 'Chart.yaml': `name: ${name}` }),
    },
    owner: 'shop',
    allows: (href) => href !== denied,
    credentials: async () => credentials,
  };
  const view: RepositoryView = viewOfTree(treeFrom({ 'a/Chart.yaml': `apiVersion: v2\n${chart}`, ...more }));
  const home = { repository: 'https://home.example.com/charts', isPlain: false };
  const mounts = await missingParts(view, 'a', reach, home, new Map());
  return { places: [...mounts.keys()], asked };
}
const needs = (repository: string, name = 'part', version = '1.x') =>
  `dependencies:\n- {name: ${name}, version: "${version}", repository: "${repository}"}\n`;

describe('charts that a chart needs', () => {
  it('are fetched where its folder does not hold them', async () => {
    const url = 'https://home.example.com/charts/';
    expect((await ask(needs(url))).places).toEqual(['a/charts/part-1.x']);
    expect((await ask(needs(url), { 'a/charts/part/Chart.yaml': 'x' })).places).toEqual([]);
    expect((await ask(needs(url), { 'a/charts/part-1.2.3.tgz': 'x' })).places).toEqual([]);
    expect((await ask(needs(url), { 'a/charts/part-two-1.2.3.tgz': 'x' })).places).toEqual(['a/charts/part-1.x']);
    expect((await ask('name: a\n')).places).toEqual([]);
  });

  it('have the versions of the lock file, as far as that is about the same chart', async () => {
    const url = 'https://home.example.com/charts';
    const locked = (name: string) => ({ 'a/Chart.lock': needs(url, name, '1.4.2') });
    expect((await ask(needs(url), locked('part'))).asked[0]?.version).toBe('1.4.2');
    expect((await ask(needs(url), locked('other'))).asked[0]?.version).toBe('1.x');
  });

  it('are all there where one is needed twice, and a lock file of before is refused', async () => {
    const url = 'https://home.example.com/charts';
    const twice = (first: string, second: string, more = '') =>
      `dependencies:\n- {name: part, version: "${first}", repository: "${url}"${more}}\n- {name: part, version: "${second}", repository: "${url}", alias: b}\n`;
    const lock = { 'a/Chart.lock': twice('17.9.9', '18.1.0') };
    expect((await ask(twice('17.x', '18.x', ', alias: a'), lock)).places).toEqual([
      'a/charts/part-17.9.9',
      'a/charts/part-18.1.0',
    ]);
    const vendored = { 'a/charts/part-17.9.9.tgz': 'x', 'a/charts/part/Chart.yaml': 'version: 16.0.0\n' };
    expect((await ask(twice('17.x', '18.x'), vendored)).places).toEqual(['a/charts/part-18.x']);
    expect((await ask(twice('17.x', '16.x'), vendored)).places).toEqual([]);
    await expect(ask(twice('17.x', '19.0.0'), lock)).rejects.toMatchObject({
      code: 'InvalidManifests',
      message: expect.stringMatching(/holds part 17\.9\.9, 18\.1\.0, and Chart\.yaml asks for 19\.0\.0/),
    });
    await expect(ask(needs(url, 'part', 'latest'))).rejects.toMatchObject({ code: 'InvalidManifests' });
    expect((await ask(needs(url, 'cert-manager'), { 'a/charts/cert-manager-v1.13.0.tgz': 'x' })).places).toEqual([]);
  });

  it('of a registry are asked for only where their own path is allowed', async () => {
    const [allowed, denied] = ['oci://home.example.com/team-a', 'oci://home.example.com/team-b/secret'];
    const chart = (name: string) => ({ repository: allowed, name, version: '' });
    const reach = {
      owner: 'shop',
      allows: (href: string) => href.startsWith(`${allowed}/`),
      credentials: async () => undefined,
    } as unknown as ChartReach;
    expect(await chartRequest(reach, chart('web'), undefined)).toMatchObject({ chart: 'web' });
    for (const name of ['x/../../team-b/secret', '../team-b/secret'])
      await expect(chartRequest(reach, chart(name), undefined), denied).rejects.toMatchObject({ code: 'NotAllowed' });
  });

  it('get the login of their server, and no other server gets it', async () => {
    const of = async (url: string) => (await ask(needs(url))).asked[0]?.credentials;
    expect(await of('https://home.example.com/other')).toEqual(credentials);
    for (const url of [
      'https://evil.example.com',
      'http://home.example.com',
      'https://home.example.com:8443',
      'oci://home.example.com/x',
    ])
      expect(await of(url)).toEqual({
        authorization: undefined,
        registries: credentials.registries,
        tls: { ca: 'CA' },
        fingerprint: 'f elsewhere',
      });
  });

  it('are asked for only where that is allowed, and by URLs only', async () => {
    const url = 'https://denied.example.com/charts';
    await expect(ask(needs(url), {}, url)).rejects.toMatchObject({ code: 'NotAllowed' });
    for (const repository of ['', '@alias', 'git+https://h/r', '/etc'])
      await expect(ask(needs(repository))).rejects.toThrow('the chart part is not in a/charts');
    for (const path of ['file://../../etc', 'file:///etc', 'file://../gone'])
      await expect(ask(needs(path))).rejects.toMatchObject({ code: 'InvalidManifests' });
    expect((await ask(needs('file://../common'), { 'common/Chart.yaml': 'x' })).places).toEqual(['a/charts/part-1.x']);
  });
});
