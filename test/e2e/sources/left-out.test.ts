import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sources } from '../../../sync/ports.ts';
import { createGitSources } from '../../../sync/source/git.ts';
import { addSubmodule, type GitServer, moveSubmodule, type Repository, startGitServer } from '../support/git-server.ts';
import { snapshotOf, sourceRequest, textsOf } from '../support/source-requests.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-left-out-'));
let git: GitServer;
let sources: Sources;
beforeAll(async () => {
  git = await startGitServer();
  sources = createGitSources(folder);
});
afterAll(async () => {
  await sources.close();
  await git.close();
  rmSync(folder, { recursive: true, force: true });
});

const read = async (repository: Repository, more: Parameters<typeof sourceRequest>[1] = {}) =>
  snapshotOf(sources, sourceRequest(repository.url, more));
const names = async (repository: Repository, more: Parameters<typeof sourceRequest>[1] = {}): Promise<string[]> =>
  (await read(repository, more)).files.map(({ path }) => path).sort();

describe('what is left out of a repository', () => {
  it('is what CI and other tools read, unless the Delivery has rules of its own', async () => {
    const repository = git.repository('ci.git');
    repository.commit({
      '.github/workflows/ci.yaml': 'x',
      'deploy/.github/x.yaml': 'x',
      '.gitlab-ci.yml': 'x',
      'deploy/.sops.yaml': 'x',
      'deploy/a.yaml': 'a',
    });
    expect(await names(repository)).toEqual(['deploy/a.yaml']);
    expect(await names(repository, { ignore: '/deploy/.*' })).toEqual([
      '.github/workflows/ci.yaml',
      '.gitlab-ci.yml',
      'deploy/a.yaml',
    ]);
  });

  it('is what files of rules say, those deeper down after those above, and the Delivery last', async () => {
    const repository = git.repository('rules.git');
    repository.commit({
      '.sourceignore': '*.txt\n/deploy/dev/\n!/.github/\n',
      '.github/kept.yaml': 'x',
      'deploy/.lockstepignore': 'secret-*\n!keep.txt\n',
      'deploy/keep.txt': 'x',
      'deploy/other.txt': 'x',
      'deploy/secret-a.yaml': 'x',
      'deploy/dev/a.yaml': 'x',
      'deploy/prod/a.yaml': 'x',
      'deploy/prod/.sourceignore': '!secret-b.yaml',
      'deploy/prod/secret-b.yaml': 'x',
    });
    const rest = ['deploy/keep.txt', 'deploy/prod/a.yaml', 'deploy/prod/secret-b.yaml'];
    const rules = ['.sourceignore', 'deploy/.lockstepignore', 'deploy/prod/.sourceignore'];
    expect(await names(repository)).toEqual([...rules, '.github/kept.yaml', ...rest].sort());
    // Rules above the path count too, by their own place.
    expect(await names(repository, { path: 'deploy/prod' })).toEqual(['.sourceignore', 'a.yaml', 'secret-b.yaml']);
    expect(await names(repository, { path: 'deploy/prod', ignore: 'a.yaml\n/deploy/prod/.sourceignore' })).toEqual([
      'secret-b.yaml',
    ]);
  });

  it('changes what is known of a folder, also by a file above it', async () => {
    const repository = git.repository('above.git');
    repository.commit({ 'deploy/a.yaml': 'a', 'deploy/b.yaml': 'b' });
    const before = await read(repository, { path: 'deploy' });
    repository.commit({ 'README.md': 'nothing of it' });
    expect((await read(repository, { path: 'deploy' })).tree).toBe(before.tree);
    repository.commit({ '.lockstepignore': 'b.yaml' });
    const after = await read(repository, { path: 'deploy' });
    expect(after.tree).not.toBe(before.tree);
    expect(textsOf(after)).toEqual({ 'a.yaml': 'a' });
  });

  it('is said in no way that takes long, or is no rule', async () => {
    const repository = git.repository('hostile.git');
    const files = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${'a'.repeat(200)}${i}`, 'x']));
    repository.commit({ ...files, '.sourceignore': `${'*a'.repeat(450)}b\n`.repeat(900) });
    const began = performance.now();
    await expect(read(repository)).rejects.toMatchObject({ code: 'SourceTooLarge' });
    expect(performance.now() - began).toBeLessThan(10_000);
    repository.commit({ '.sourceignore': 'x\n'.repeat(2_000) });
    await expect(read(repository)).rejects.toMatchObject({
      code: 'InvalidManifests',
      message: expect.stringContaining('more than 1000 lines'),
    });
  });
});

describe('submodules', () => {
  let parent: Repository;
  let child: Repository;
  beforeAll(() => {
    child = git.repository('child.git');
    child.commit({ 'app/c.yaml': 'c1', 'd.yaml': 'd1', '.sourceignore': 'none.yaml', 'none.yaml': 'x' });
    parent = git.repository('parent.git');
    parent.commit({ 'a.yaml': 'a' });
    addSubmodule(git, parent, 'child.git', 'lib/sub');
    parent.commit({});
  });

  it('are told as such, and only read where that is asked for', async () => {
    const [told] = (await read(parent)).files.filter(({ path }) => path === 'lib/sub');
    expect(told?.type).toBe('submodule');
    expect(textsOf(await read(parent, { submodules: true }))).toMatchObject({
      'a.yaml': 'a',
      'lib/sub/app/c.yaml': 'c1',
      'lib/sub/d.yaml': 'd1',
    });
    expect(await names(parent, { submodules: true })).not.toContain('lib/sub/none.yaml');
    await expect(read(parent, { path: 'lib/sub' })).rejects.toMatchObject({ code: 'PathNotFound' });
    expect(textsOf(await read(parent, { submodules: true, path: 'lib/sub/app' }))).toEqual({ 'c.yaml': 'c1' });
    expect(textsOf(await read(parent, { submodules: true, path: 'lib' }))).toMatchObject({ 'sub/d.yaml': 'd1' });
  });

  it('stay at the commit that the repository names, and move with it', async () => {
    child.commit({ 'd.yaml': 'd2' });
    const before = await read(parent, { submodules: true });
    expect(textsOf(before)).toMatchObject({ 'lib/sub/d.yaml': 'd1' });
    moveSubmodule(parent, 'lib/sub');
    parent.commit({});
    const after = await read(parent, { submodules: true });
    expect(textsOf(after)).toMatchObject({ 'lib/sub/d.yaml': 'd2' });
    expect(after.tree).not.toBe(before.tree);
  });

  it.each<[string, string, string, RegExp]>([
    ['by a local path', '/etc', 'InvalidSpec', /is no URL/],
    ['by a helper program', 'ext::sh -c x', 'SourceUnsupported', /only https, http/],
    ['by a password', 'https://a:C4NARY-7f3a@host/r', 'InvalidSpec', /must not hold a user or password/],
    ['out of the server', '../../../x', 'SourceUnsupported', /leads out of the server/],
    ['where no source may be', 'https://elsewhere.example/r', 'NotAllowed', /is not allowed as a source/],
  ])('are not read %s', async (_what, url, code, message) => {
    const repository = git.repository(`bad-${Buffer.from(url).toString('hex').slice(0, 20)}.git`);
    repository.commit({ '.gitmodules': `[submodule "x"]\n\tpath = x\n\turl = ${url}\n` });
    repository.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},x`);
    repository.git('commit', '--quiet', '-m', 'x');
    repository.git('push', '--quiet', 'origin', 'HEAD:main');
    const refused = read(repository, { submodules: true, allows: (href) => href.startsWith('http://127.') });
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('C4NARY') });
  });

  it('that nobody says where they are, and circles of them, end', async () => {
    const repository = git.repository('circle.git');
    const first = repository.commit({ 'a.yaml': 'a' });
    repository.git('update-index', '--add', '--cacheinfo', `160000,${first},again`);
    repository.git('commit', '--quiet', '-m', 'unsaid');
    repository.git('push', '--quiet', 'origin', 'HEAD:main');
    await expect(read(repository, { submodules: true })).rejects.toThrow('does not say where the submodule again is');
    // A commit can't name itself; one that names the one before in the same place names all of them.
    repository.git('rm', '--quiet', '--cached', 'again');
    let at = repository.commit({ '.gitmodules': '[submodule "x"]\n\tpath = again\n\turl = ./\n' });
    for (let i = 0; i < 60; i += 1) {
      repository.git('update-index', '--add', '--cacheinfo', `160000,${at},again`);
      repository.git('commit', '--quiet', '-m', 'again');
      at = repository.git('rev-parse', 'HEAD');
    }
    repository.git('push', '--quiet', 'origin', 'HEAD:main');
    await expect(read(repository, { submodules: true })).rejects.toMatchObject({ code: 'SourceTooLarge' });
  });

  it('get the login of their repository on the same server, and on no other', async () => {
    const [locked, other] = await Promise.all([
      startGitServer({ credentials: 'ada:secret' }),
      startGitServer({ credentials: 'ada:secret' }),
    ]);
    const authorization = `Basic ${Buffer.from('ada:secret').toString('base64')}`;
    const inside = locked.repository('inside.git').commit({ 'i.yaml': 'i' });
    const outside = other.repository('outside.git').commit({ 'o.yaml': 'o' });
    const { url } = other.repository('y.git');
    const of = async (target: string, commit: string) => {
      const repository = locked.repository(`of-${commit}.git`);
      repository.commit({ '.gitmodules': `[submodule "x"]\n\tpath = x\n\turl = ${target}\n` });
      repository.git('update-index', '--add', '--cacheinfo', `160000,${commit},x`);
      repository.git('commit', '--quiet', '-m', 'x');
      repository.git('push', '--quiet', 'origin', 'HEAD:main');
      return read(repository, { submodules: true, credentials: { authorization } });
    };
    expect(textsOf(await of('../inside.git', inside))).toMatchObject({ 'x/i.yaml': 'i' });
    await expect(of(url.replace('y.git', 'outside.git'), outside)).rejects.toMatchObject({
      code: 'SourceUnauthorized',
    });
    await Promise.all([locked.close(), other.close()]);
  });
});
