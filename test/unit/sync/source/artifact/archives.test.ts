import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, describe, expect, it } from 'vitest';
import type { ChartRequest } from '../../../../../sync/ports.ts';
import type { ChartRepositories } from '../../../../../sync/source/artifact/chart-repository.ts';
import { openCharts } from '../../../../../sync/source/artifact/charts.ts';
import { openKeptArchives } from '../../../../../sync/source/artifact/kept-archives.ts';
import { learnDigests } from '../../../../../sync/source/artifact/learned.ts';
import { digestOfBytes, type Registry } from '../../../../../sync/source/artifact/registry.ts';
import { openUnpacked } from '../../../../../sync/source/artifact/unpacked.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-kept-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function chart(text: string): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: 'app/Chart.yaml' }, text);
  tar.finalize();
  return gzipSync(Buffer.concat(await Array.fromAsync(tar as AsyncIterable<Buffer>)));
}

describe('archives that are kept', () => {
  it('have no name but a digest: nothing else is read or removed', async () => {
    const kept = openKeptArchives(join(folder, 'a'));
    writeFileSync(join(folder, 'backup.tgz'), 'precious');
    for (const digest of ['../backup', 'sha256-x', '', 'sha256:../../backup'])
      await expect(kept.get({ digest, reader: 'r' })).rejects.toMatchObject({ code: 'SourceUnsupported' });
    expect(existsSync(join(folder, 'backup.tgz'))).toBe(true);
  });

  it('are for who has fetched them: a digest alone opens none', async () => {
    const kept = openKeptArchives(join(folder, 'b'));
    const bytes = Buffer.from('private');
    const digest = digestOfBytes(bytes);
    await kept.put({ digest, reader: 'https://private login' }, bytes);
    expect(await kept.get({ digest, reader: 'https://evil ' })).toBeUndefined();
    expect(await kept.get({ digest, reader: 'https://private login' })).toEqual(bytes);
  });

  it('are as many as there is room for: those that were used longest ago go', async () => {
    const kept = openKeptArchives(join(folder, 'd'), 250);
    const name = (letter: string) => ({ digest: digestOfBytes(Buffer.alloc(100, letter)), reader: 'r' });
    const put = (letter: string) => kept.put(name(letter), Buffer.alloc(100, letter));
    const isKept = async (letter: string): Promise<boolean> => (await kept.get(name(letter))) !== undefined;
    await put('a');
    await sleep(20);
    await put('b');
    await sleep(20);
    expect(await isKept('a')).toBe(true);
    await sleep(20);
    await put('c');
    expect([await isKept('a'), await isKept('b'), await isKept('c')]).toEqual([true, false, true]);
  });

  it('are put by many at once', async () => {
    const kept = openKeptArchives(join(folder, 'c'));
    const bytes = Buffer.from('same');
    const name = { digest: digestOfBytes(bytes), reader: 'r' };
    await Promise.all(Array.from({ length: 40 }, () => kept.put(name, bytes)));
    expect(await kept.get(name)).toEqual(bytes);
  });
});

const request = (repository: string, fingerprint = ''): ChartRequest => ({
  repository,
  chart: 'app',
  version: '1.0.0',
  credentials: fingerprint === '' ? undefined : { authorization: 'Basic x', fingerprint },
  isPlain: false,
  owner: 'o',
});

/** Repositories whose indexes tell no digests; what an archive holds depends on who asks. */
async function repositories(bytesFor: (request: ChartRequest) => Promise<Buffer>) {
  const asked: string[] = [];
  const fake: ChartRepositories = {
    versions: async () => [{ version: '1.0.0', url: 'https://private.example.com/app-1.0.0.tgz', digest: undefined }],
    archive: async (asking) => {
      const bytes = await bytesFor(asking);
      asked.push(`${asking.repository} `);
      return { bytes, sign: digestOfBytes(bytes) };
    },
    newArchive: async (asking, _url, _most, sign) => {
      const bytes = await bytesFor(asking);
      asked.push(`${asking.repository} ${sign}`);
      return sign === digestOfBytes(bytes) ? undefined : { bytes, sign: digestOfBytes(bytes) };
    },
  };
  const unpacked = openUnpacked(openKeptArchives(join(folder, `d${Math.random()}`)));
  return { asked, fake, charts: openCharts({ repositories: fake, registry: {} as Registry, unpacked }) };
}

describe('a chart whose index tells no digest', () => {
  it('is what the server gives to each who asks, and to nobody else', async () => {
    const { charts } = await repositories((asking) => {
      if (asking.credentials?.fingerprint === 'victim') return chart('private');
      return asking.credentials?.fingerprint === 'forger' ? chart('forged') : Promise.reject(new Error('HTTP 401'));
    });
    const read = async (asking: ChartRequest) => {
      const tree = await charts.read(asking, await charts.locate(asking));
      return Buffer.from(tree.files[0]?.read() ?? []).toString();
    };
    expect(await read(request('https://private.example.com', 'forger'))).toBe('forged');
    expect(await read(request('https://private.example.com', 'victim'))).toBe('private');
    await expect(read(request('https://evil.example.com'))).rejects.toThrow('HTTP 401');
  });

  it('is asked for again, and only fetched when it has changed', async () => {
    let text = 'one';
    const { asked, fake } = await repositories(() => chart(text));
    const learned = learnDigests(fake, 1_000_000);
    const kept: string[] = [];
    const learn = () => learned.of(request('https://h'), 'u', async (digest) => void kept.push(digest));
    const first = await learn();
    expect(await learn()).toBe(first);
    text = 'two';
    const second = await learn();
    expect(second).not.toBe(first);
    expect(kept).toEqual([first, second]);
    expect(asked).toEqual(['https://h ', `https://h ${first}`, `https://h ${first}`]);
  });
});
