import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createGitSources } from '../../../sync/source/git.ts';
import { type Repository, startGitServer } from '../support/git-server.ts';
import { snapshotOf, sourceRequest, textsOf } from '../support/source-requests.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-pushes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Numbers by chance that come again by their seed. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** Something that people do to a repository, before they commit and push by force. */
function act({ git, commit }: Repository, random: (below: number) => number, step: number): void {
  const file = { [`side/${step}.yaml`]: `${step}` };
  const acts = [
    () => Number(git('rev-list', '--count', 'HEAD')) > 3 && git('reset', '--quiet', '--hard', 'HEAD~2'),
    () => {
      git('checkout', '--quiet', '-B', 'side', 'HEAD');
      commit(file);
      git('push', '--quiet', '--force', 'origin', 'HEAD:side');
      git('checkout', '--quiet', '-B', 'main', 'HEAD~1');
    },
    () => git('branch', '--list', 'side') && git('merge', '--quiet', '--no-edit', '-X', 'ours', 'side'),
    () => commit({ [git('ls-files').split('\n')[0] ?? '']: null }),
    () => git('commit', '--quiet', '--allow-empty', '-m', 'nothing'),
  ];
  acts[random(acts.length + 2)]?.();
}

/** What git itself says that a folder holds. */
function expectedOf({ git }: Repository, within: string): Record<string, string> {
  const names = git('ls-tree', '-r', '--name-only', `HEAD:${within}`).split('\n');
  const prefix = within === '' ? '' : `${within}/`;
  return Object.fromEntries(names.map((name) => [name, git('show', `HEAD:${prefix}${name}`)]));
}

describe.each([
  ['a server', {}],
  ['a server of before protocol v2', { isOld: true }],
])('whatever is pushed to %s', (_what, options) => {
  it('is read as git reads it: commits, merges, resets, other branches, force', async () => {
    const seed = Date.now() % 100_000;
    const random = chance(seed);
    const server = await startGitServer(options);
    const repository = server.repository('walk.git');
    const sources = createGitSources(join(folder, 'walk'));
    const path = (): string => `d${random(4)}/e${random(3)}/f${random(30)}.yaml`;
    const lines = (): string => Array.from({ length: 1 + random(60) }, () => `line ${random(1_000)}`).join('\n');
    repository.commit({ 'd1/a.yaml': '', ...Object.fromEntries(Array.from({ length: 60 }, () => [path(), lines()])) });
    for (let step = 0; step < 40; step += 1) {
      act(repository, random, step);
      const revision = repository.commit({ 'd1/a.yaml': `${step}`, [path()]: lines() });
      const within = random(2) === 0 ? '' : 'd1';
      const read = await snapshotOf(sources, sourceRequest(repository.url, { path: within }));
      expect([seed, step, read.commit.revision]).toEqual([seed, step, revision]);
      expect(textsOf(read)).toEqual(expectedOf(repository, within));
    }
    await sources.close();
    await server.close();
  });

  it('is read at one commit too, be it the tip, an older one, or one that nobody has', async () => {
    const server = await startGitServer(options);
    const repository = server.repository('commits.git');
    const sources = createGitSources(join(folder, 'commits'));
    const ids = ['1', '2', '3'].map((text) => repository.commit({ 'a.yaml': text }));
    const at = (commit: string) => snapshotOf(sources, sourceRequest(repository.url, { ref: { commit } }));
    for (const [index, id] of ids.entries()) expect(textsOf(await at(id))).toEqual({ 'a.yaml': `${index + 1}` });
    await expect(at('f'.repeat(40))).rejects.toMatchObject({ code: 'RefNotFound' });
    expect(textsOf(await at(ids[0] ?? ''))).toEqual({ 'a.yaml': '1' });
    await sources.close();
    await server.close();
  });

  it('is known to follow what was before, or not, over many commits and merges', async () => {
    const server = await startGitServer(options);
    const repository = server.repository('follows.git');
    const sources = createGitSources(join(folder, 'follows'));
    const { git } = repository;
    const first = repository.commit({ 'a.yaml': '1' });
    const second = repository.commit({ 'a.yaml': '2' });
    git('checkout', '--quiet', '-B', 'side', first);
    const aside = repository.commit({ 'b.yaml': '1' });
    git('checkout', '--quiet', '-B', 'main', second);
    for (let i = 0; i < 130; i += 1) git('commit', '--quiet', '--allow-empty', '-m', `${i}`);
    git('merge', '--quiet', '--no-edit', 'side');
    const merged = repository.commit({ 'a.yaml': '3' });
    git('checkout', '--quiet', '--orphan', 'other');
    const orphan = repository.commit({ 'a.yaml': '4' });
    git('push', '--quiet', '--force', 'origin', `${merged}:refs/heads/main`, `${orphan}:refs/heads/other`);
    const asked = sourceRequest(repository.url);
    const other = sourceRequest(repository.url, { ref: { branch: 'other' }, user: 'another' });
    await snapshotOf(sources, asked);
    await snapshotOf(sources, other);
    const follows = (revision: string, before: string) => sources.follows(asked, revision, before);
    expect(await Promise.all([first, second, aside].map((before) => follows(merged, before)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(await follows(merged, orphan)).toBe(false);
    expect(await follows(orphan, merged)).toBe(false);
    expect(await follows(merged, 'f'.repeat(40))).toBe(false);
    await sources.close();
    await server.close();
  });

  it('costs what changed, also among thousands, after a force-push, and on another branch', async () => {
    const server = await startGitServer(options);
    const repository = server.repository('flat.git');
    const sources = createGitSources(join(folder, 'flat'));
    repository.commit(Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`f${i}.yaml`, `content ${i}`])));
    const cost = async (branch = 'main'): Promise<number> => {
      const before = server.sent.get('flat.git') ?? 0;
      await snapshotOf(sources, sourceRequest(repository.url, { ref: { branch } }));
      return (server.sent.get('flat.git') ?? 0) - before;
    };
    expect(await cost()).toBeGreaterThan(100_000);
    repository.commit({ 'f7.yaml': 'changed' });
    expect(await cost()).toBeLessThan(2_000);
    for (let i = 0; i < 30; i += 1) repository.git('commit', '--quiet', '--allow-empty', '-m', `${i}`);
    repository.git('commit', '--quiet', '--amend', '--allow-empty', '-m', 'rewritten');
    repository.commit({ 'f8.yaml': 'changed' });
    expect(await cost()).toBeLessThan(2_000);
    repository.git('push', '--quiet', 'origin', 'HEAD:refs/heads/other');
    repository.commit({ 'f9.yaml': 'changed' });
    expect(await cost('other')).toBeLessThan(2_000);
    expect(await cost()).toBeLessThan(2_000);
    await sources.close();
    await server.close();
  });
});

describe('a repository that is pushed to again and again', () => {
  it('is begun anew when its packs pile up, and is the same all the while', async () => {
    const server = await startGitServer();
    const repository = server.repository('many.git');
    const sources = createGitSources(join(folder, 'many'));
    const asked = sourceRequest(repository.url);
    repository.commit({ 'a.yaml': '0', 'b.yaml': randomBytes(5_000).toString('hex') });
    const costs: number[] = [];
    for (let i = 1; i <= 205; i += 1) {
      repository.commit({ 'a.yaml': `${i}` });
      const before = server.sent.get('many.git') ?? 0;
      const snapshot = await snapshotOf(sources, asked);
      costs.push((server.sent.get('many.git') ?? 0) - before);
      expect(textsOf(snapshot)['a.yaml']).toBe(`${i}`);
    }
    // The first, and the one that begins anew, hold the file that never changes.
    expect(costs.filter((bytes) => bytes > Math.min(...costs) + 1_000)).toHaveLength(2);
    await sources.close();
    await server.close();
  });
});
