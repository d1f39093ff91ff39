import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceRequest } from '../../sync/ports.ts';
import { createGitSources } from '../../sync/source/git.ts';
import { transportDefaults } from '../../sync/source/transport.ts';
import { type GitServer, type Repository, startGitServer } from './support/git-server.ts';
import { until } from './support/kube.ts';
import { sourceRequest } from './support/source-requests.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-sources-'));
let server: GitServer;
beforeAll(async () => {
  server = await startGitServer();
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const request = (url: string, path = ''): SourceRequest => sourceRequest(url, { path });
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

async function files(
  sources: ReturnType<typeof createGitSources>,
  repository: Repository,
  path = '',
): Promise<Record<string, string>> {
  const asked = request(repository.url, path);
  const snapshot = await sources.read(asked, await sources.tip(asked));
  return Object.fromEntries(snapshot.files.map((file) => [file.path, text(file.read())]));
}

describe('a Git repository', () => {
  it('is read at its tip: nested folders, a sub-folder, author and subject; deltas and large files too', async () => {
    const sources = createGitSources(join(folder, 'a'));
    const repository = server.repository('a.git');
    const large = Array.from({ length: 20_000 }, (_, i) => `line ${i}`).join('\n');
    repository.commit({ 'top.yaml': 'top', 'deep/er/x.yaml': large, 'deep/y.yaml': 'y' }, 'one');
    expect(await files(sources, repository)).toEqual({
      'top.yaml': 'top',
      'deep/er/x.yaml': large,
      'deep/y.yaml': 'y',
    });
    repository.commit({ 'deep/er/x.yaml': `${large}\nmore` }, 'two');
    expect(await files(sources, repository, 'deep')).toEqual({ 'er/x.yaml': `${large}\nmore`, 'y.yaml': 'y' });
    const { commit } = await sources.read(request(repository.url), await sources.tip(request(repository.url)));
    expect(commit).toMatchObject({ author: 'Ada', subject: 'two' });
    await sources.close();
  });

  it('costs one small request when it did not move, and only what changed when it did', async () => {
    const sources = createGitSources(join(folder, 'b'));
    const repository = server.repository('b.git');
    repository.commit(
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${i % 10}/f${i}.yaml`, `content ${i}`])),
    );
    const asked = request(repository.url);
    const first = await sources.read(asked, await sources.tip(asked));
    expect(server.sent.get('b.git')).toBeGreaterThan(14_000);
    const before = server.requests.get('b.git') ?? 0;
    const again = await sources.read(asked, await sources.tip(asked));
    expect((server.requests.get('b.git') ?? 0) - before).toBeLessThanOrEqual(2);
    expect(again.tree).toBe(first.tree);
    repository.commit({ 'd3/f3.yaml': 'changed' });
    const bytes = server.sent.get('b.git') ?? 0;
    const changed = await sources.read(asked, await sources.tip(asked));
    // A commit, the two trees on the way, a blob, and what the protocol says around them.
    expect((server.sent.get('b.git') ?? 0) - bytes).toBeLessThan(4_000);
    expect(
      changed.files.filter((file, index) => file.oid !== first.files[index]?.oid).map((file) => file.path),
    ).toEqual(['d3/f3.yaml']);
    // A folder that did not change is not read again: its files are read by the very same functions.
    const reads = (files: typeof changed.files, path: string) => files.find((file) => file.path === path)?.read;
    expect(reads(changed.files, 'd4/f4.yaml')).toBe(reads(first.files, 'd4/f4.yaml'));
    expect(reads(changed.files, 'd3/f3.yaml')).not.toBe(reads(first.files, 'd3/f3.yaml'));
    await sources.close();
  });

  it('is kept on disk while somebody asks for it, and no longer', async () => {
    const place = join(folder, 'kept');
    const sources = createGitSources(place);
    const repository = server.repository('kept.git');
    // Small ones are kept in memory.
    repository.commit({ 'a.yaml': randomBytes(300_000).toString('base64') });
    const kept = (): string[] => readdirSync(join(place, 'git')).sort();
    const ask = async (user: string, fingerprint: string): Promise<void> => {
      const credentials = { authorization: 'Basic eDp4C4NARY', fingerprint };
      const asked = { ...request(repository.url), user, credentials };
      await sources.read(asked, await sources.tip(asked));
    };
    await ask('one', 'old');
    await ask('two', 'old');
    const shared = kept();
    expect(shared).toHaveLength(1);
    // G11 of the vectors: no login is on the disk.
    const stored = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(stored.length).toBeGreaterThan(0);
    for (const { parentPath, name } of stored)
      expect(readFileSync(join(parentPath, name)).includes('eDp4C4NARY'), name).toBe(false);
    await ask('one', 'new');
    expect(kept()).toHaveLength(2);
    await ask('two', 'new');
    await until('the copy of the old login is gone', async () => kept().length === 1);
    expect(kept()).not.toEqual(shared);
    sources.leave('one');
    await ask('two', 'new');
    expect(kept()).toHaveLength(1);
    // Who asks again while it is forgotten gets it all the same.
    sources.leave('two');
    await ask('three', 'new');
    sources.leave('three');
    await until('nothing is kept', async () => kept().length === 0);
    await sources.close();
  });

  it('may be rewritten by force', async () => {
    const sources = createGitSources(join(folder, 'c'));
    const repository = server.repository('c.git');
    repository.commit({ 'a.yaml': '1' });
    await files(sources, repository);
    repository.git('commit', '--quiet', '--amend', '-m', 'rewritten');
    repository.commit({ 'a.yaml': '2' });
    expect(await files(sources, repository)).toEqual({ 'a.yaml': '2' });
    await sources.close();
  });

  it('that is empty, or lacks the branch, is an error and no deletion', async () => {
    const sources = createGitSources(join(folder, 'd'));
    const repository = server.repository('d.git');
    await expect(sources.tip(request(repository.url))).rejects.toMatchObject({ code: 'RepositoryEmpty' });
    repository.commit({ 'a.yaml': '1' });
    repository.git('push', '--quiet', 'origin', 'HEAD:refs/heads/other', ':refs/heads/main');
    await expect(sources.tip(request(repository.url))).rejects.toMatchObject({
      code: 'RefNotFound',
      message: expect.stringMatching(/^refs\/heads\/main is not in http:.*d\.git; there is other$/),
    });
    await expect(sources.tip(request(`${repository.url}-none`))).rejects.toMatchObject({ code: 'SourceUnreachable' });
    await sources.close();
  });

  it('holds links and submodules as what they are, never as what they point to', async () => {
    const sources = createGitSources(join(folder, 'e'));
    const repository = server.repository('e.git');
    repository.commit({ 'a.yaml': '1' });
    repository.git(
      'update-index',
      '--add',
      '--cacheinfo',
      `120000,${repository.git('rev-parse', 'HEAD:a.yaml')},link.yaml`,
    );
    repository.git('commit', '--quiet', '-m', 'link');
    repository.git('push', '--quiet', 'origin', 'HEAD:main');
    const asked = request(repository.url);
    const { files: found } = await sources.read(asked, await sources.tip(asked));
    expect(found.map((file) => [file.path, file.type])).toEqual([
      ['a.yaml', 'file'],
      ['link.yaml', 'symlink'],
    ]);
    await sources.close();
  });
});

describe('a Git server that misbehaves', () => {
  const closers: (() => void)[] = [];
  afterAll(() => {
    for (const close of closers) close();
  });

  async function misbehave(
    listener: RequestListener,
    limits = {},
  ): Promise<{ url: string; sources: ReturnType<typeof createGitSources> }> {
    const bad = createServer(listener);
    await new Promise<void>((resolve) => bad.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      bad.closeAllConnections();
      bad.close();
    });
    const { port } = bad.address() as AddressInfo;
    const sources = createGitSources(join(folder, String(port)), {
      limits: { ...transportDefaults, deadline: 500, ...limits },
    });
    closers.push(() => void sources.close());
    return { url: `http://127.0.0.1:${port}/r.git`, sources };
  }

  it('by silence is given up at the deadline', async () => {
    const { url, sources } = await misbehave(() => undefined);
    await expect(sources.tip(request(url))).rejects.toMatchObject({
      code: 'SourceUnreachable',
      message: expect.stringContaining('deadline'),
    });
  });

  it('by a drip is given up at the deadline', async () => {
    const { url, sources } = await misbehave((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
      const timer = setInterval(() => response.write('0'), 50);
      response.on('close', () => clearInterval(timer));
    });
    const started = performance.now();
    await expect(sources.tip(request(url))).rejects.toMatchObject({ code: 'SourceUnreachable' });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('by an endless answer is cut at the cap', async () => {
    const { url, sources } = await misbehave(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
        response.write('000eversion 2\n');
        const pour = (): void => {
          while (response.write('0011agent=aaaaaa\n'.repeat(4_000)));
          response.once('drain', pour);
        };
        pour();
      },
      { deadline: 10_000, maxBytes: 1024 * 1024 },
    );
    await expect(sources.tip(request(url))).rejects.toMatchObject({ code: 'SourceTooLarge' });
  });

  it('by a redirect to another origin gets no credentials', async () => {
    let reached = false;
    const other = await misbehave((_request, response) => {
      reached = true;
      response.end();
    });
    const { url, sources } = await misbehave((_request, response) => {
      response.writeHead(302, { location: other.url }).end();
    });
    await expect(
      sources.tip({ ...request(url), credentials: { authorization: 'Basic eA==', fingerprint: 'x' } }),
    ).rejects.toMatchObject({ code: 'SourceUnreachable', message: expect.stringContaining('another origin') });
    expect(reached).toBe(false);
  });

  it('by refusing the login says so', async () => {
    const { url, sources } = await misbehave((_request, response) => {
      response.writeHead(401).end();
    });
    await expect(sources.tip(request(url))).rejects.toMatchObject({ code: 'SourceUnauthorized' });
  });
});
