import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceRequest, Sources } from '../../../sync/ports.ts';
import { createGitSources } from '../../../sync/source/git.ts';
import { bytesOf, packet } from '../../../sync/source/packet.ts';
import { childrenOf, programOf } from '../support/child-processes.ts';
import { type GitServer, type Repository, startGitServer } from '../support/git-server.ts';
import { refusal, snapshotOf, sourceRequest, textsOf } from '../support/source-requests.ts';
import { main, speaking } from '../support/speaking-server.ts';

const megabyte = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'lockstep-large-'));
let git: GitServer;
let sources: Sources;
const servers: Server[] = [];
beforeAll(async () => {
  git = await startGitServer();
  sources = createGitSources(join(folder, 'data'));
});
afterAll(async () => {
  for (const server of servers) server.close();
  await sources.close();
  await git.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Text that no pack makes smaller. */
const noise = (bytes: number): string => randomBytes(bytes * 0.75).toString('base64');

/** A repository that git neither packs tightly nor looks for what differs in: that would take most of the time here. */
function large(name: string): Repository {
  const repository = git.repository(name);
  for (const folder of [repository.workTree, join(git.root, name)])
    for (const setting of ['core.compression 0', 'core.bigFileThreshold 100k'])
      execFileSync('git', ['-C', folder, 'config', ...setting.split(' ')]);
  return repository;
}

/** The processes that index packs for this one, now. */
const indexing = (): string[] => childrenOf().filter((pid) => programOf(pid).includes('index-worker'));

/** Does something, and looks how many processes index packs meanwhile: how many at once, and how many in all. */
async function watched<T>(work: () => Promise<T>): Promise<{ result: T; most: number; all: number }> {
  const seen = new Set<string>();
  let most = 0;
  const timer = setInterval(() => {
    const now = indexing();
    for (const pid of now) seen.add(pid);
    most = Math.max(most, now.length);
  }, 10);
  try {
    return { result: await work(), most, all: seen.size };
  } finally {
    clearInterval(timer);
  }
}

const read = (request: SourceRequest) => snapshotOf(sources, request);

describe('a pack of more than 30 MB', () => {
  it('is indexed by a process of its own, which ends, and is read as any other', async () => {
    const repository = large('large.git');
    const files = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`d${i % 4}/${i}.txt`, noise(megabyte)]));
    repository.commit({ ...files, 'a.yaml': '1' });
    const asked = sourceRequest(repository.url);
    const first = await watched(() => read(asked));
    expect(first.all).toBe(1);
    expect(textsOf(first.result)).toEqual({ ...files, 'a.yaml': '1' });
    expect(indexing()).toEqual([]);
    // What comes after it is small, and leans on it.
    repository.commit({ 'a.yaml': '2' });
    const sent = git.sent.get('large.git') ?? 0;
    const second = await watched(() => read(asked));
    expect([second.all, textsOf(second.result)['a.yaml']]).toEqual([0, '2']);
    expect((git.sent.get('large.git') ?? 0) - sent).toBeLessThan(3_000);
    // A large push may lean on what is here, and the process knows nothing of that: it is asked for whole.
    const more = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`more/${i}.txt`, noise(megabyte)]));
    repository.commit({ ...more, 'a.yaml': '3' });
    const third = await watched(() => read(asked));
    expect(third.all).toBe(1);
    expect(textsOf(third.result)).toEqual({ ...files, ...more, 'a.yaml': '3' });
  });

  it('that is broken is refused, and nothing of it stays', async () => {
    const pieces = Array.from({ length: 200 }, () => randomBytes(60_000));
    const broken = (response: ServerResponse): void => {
      response.write(packet('packfile\n'));
      for (const piece of [Buffer.from('PACK\0\0\0\x02\0\0\0\x05', 'latin1'), ...pieces])
        response.write(bytesOf({ type: 'data', data: Buffer.concat([Buffer.from('\x01'), piece]) }));
      response.end('0000');
    };
    const server = createServer(speaking(main, broken));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/broken.git`;
    const { result, all } = await watched(() => refusal(sources, url));
    expect(all).toBeGreaterThan(0);
    expect(result).toMatchObject({ code: 'SourceUnreachable', message: expect.stringContaining('the pack is broken') });
    const left = readdirSync(join(folder, 'data'), { recursive: true, encoding: 'utf8' });
    expect(left.filter((name) => name.endsWith('.index'))).toEqual([]);
  });
});

describe('what unfolds into more than it is', () => {
  it('is indexed apart, and what is too large to be read is told by its name', async () => {
    const repository = git.repository('unfolding.git');
    const zeros = (count: number): string => `a: ${'0'.repeat(count)}\n`;
    const large = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`${i}.txt`, zeros((6 + i / 10) * megabyte)]),
    );
    repository.commit({ ...large, 'a.yaml': '1', 'huge.yaml': zeros(20 * megabyte) });
    const { result, all } = await watched(() => read(sourceRequest(repository.url)));
    expect(all).toBe(1);
    const file = (name: string) => result.files.find(({ path }) => path === name);
    expect(Buffer.from(file('a.yaml')?.read() ?? []).toString()).toBe('1');
    expect(() => file('huge.yaml')?.read()).toThrow('larger than 16777216 bytes');
    const node = result.view('huge.yaml');
    expect(() => node.kind === 'file' && node.read()).toThrow('huge.yaml: the file is larger than 16777216 bytes');
  });

  it('by many at once takes two processes, and nobody takes both of them', async () => {
    const repositories = Array.from({ length: 5 }, (_, index) => {
      const repository = large(`at-once-${index}.git`);
      repository.commit({ 'a.txt': noise(9 * megabyte) });
      return repository;
    });
    const asked = repositories.map(({ url }, index) => sourceRequest(url, { user: `u${index}`, owner: 'eve' }));
    const byEve = await watched(() => Promise.all(asked.map(read)));
    expect([byEve.most, byEve.all]).toEqual([1, 5]);
    const anew = createGitSources(join(folder, 'anew'));
    const others = repositories.map(({ url }, index) => sourceRequest(url, { user: `u${index}`, owner: `o${index}` }));
    const byMany = await watched(() => Promise.all(others.map((one) => snapshotOf(anew, one))));
    expect(byMany.most).toBeLessThanOrEqual(2);
    expect(byMany.all).toBe(5);
    await anew.close();
  });
});

it('10,000 files are read in about a second', async () => {
  const repository = git.repository('bulk.git');
  const text = (i: number): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a${i}}\ndata: {k: "${i}"}\n`;
  repository.commit(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`d${i % 100}/${i}.yaml`, text(i)])));
  const began = performance.now();
  const { files } = await read(sourceRequest(repository.url));
  const bytes = files.reduce((sum, file) => sum + file.read().length, 0);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect([files.length, bytes > 500_000]).toEqual([10_000, true]);
});

it('a copy is begun anew when what came since is more than a part of it', async () => {
  const repository = large('spare.git');
  const asked = sourceRequest(repository.url);
  const cost = async (files: Record<string, string>): Promise<number> => {
    repository.commit(files);
    const before = git.sent.get('spare.git') ?? 0;
    expect(textsOf(await read(asked))).toMatchObject(files);
    return (git.sent.get('spare.git') ?? 0) - before;
  };
  await cost({ 'a.yaml': '0' });
  for (let round = 0; round < 6; round += 1) await cost({ 'large.txt': noise(6 * megabyte) });
  // The one that begins anew brings the file that has not changed, and the next one does not.
  const [anew, next] = [await cost({ 'a.yaml': '1' }), await cost({ 'a.yaml': '2' })];
  expect(anew).toBeGreaterThan(4 * megabyte);
  expect(next).toBeLessThan(3_000);
});
