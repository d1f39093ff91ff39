import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sources } from '../../../sync/ports.ts';
import { renderPlain } from '../../../sync/render/plain.ts';
import { createGitSources } from '../../../sync/source/git.ts';
import { describeProblem } from '../../../sync/types.ts';
import { type GitServer, type Repository, startGitServer } from '../support/git-server.ts';
import { lfsPointer } from '../support/manifests.ts';
import { refusal, snapshotOf, sourceRequest, textsOf } from '../support/source-requests.ts';

/** G5, G7, G8 and G10, L1 to L3 of the vectors: repositories that mean harm. G9 is sources/signatures. */

const folder = mkdtempSync(join(tmpdir(), 'lockstep-repositories-'));
let git: GitServer;
let sources: Sources;
beforeAll(async () => {
  git = await startGitServer();
  sources = createGitSources(join(folder, 'data'));
});
afterAll(async () => {
  await sources.close();
  await git.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('G5: a tree that has no end', () => {
  it('of entries of a folder is refused by their number', async () => {
    const repository = git.repository('entries.git');
    repository.commit({ 'a.yaml': 'a' });
    const blob = Buffer.from(repository.git('rev-parse', 'HEAD:a.yaml'), 'hex');
    const entries = Array.from({ length: 1_000_000 }, (_, i) =>
      Buffer.concat([Buffer.from(`100644 f${String(i).padStart(7, '0')}\0`), blob]),
    );
    pushTree(repository, Buffer.concat(entries));
    const answer = await refusal(sources, repository.url);
    expect(answer.code).toBe('SourceTooLarge');
  }, 60_000);
});

describe('G5: a tree that is small and unfolds into billions of files', () => {
  it('is refused in little time and memory', async () => {
    const repository = git.repository('bomb.git');
    repository.commit({ 'a.yaml': 'a' });
    const entry = (mode: string, name: string, id: string) =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]);
    let tree = Buffer.concat(
      Array.from({ length: 10 }, (_, i) => entry('100644', `f${i}.yaml`, repository.git('rev-parse', 'HEAD:a.yaml'))),
    );
    for (let level = 0; level < 10; level += 1) {
      const id = hashTree(repository, tree);
      tree = Buffer.concat(Array.from({ length: 10 }, (_, i) => entry('40000', `d${i}`, id)));
    }
    pushTree(repository, tree);
    const [began, before] = [performance.now(), process.memoryUsage().rss];
    expect(await refusal(sources, repository.url)).toMatchObject({ code: 'SourceTooLarge' });
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
  });
});

describe('G7: names of references', () => {
  it.each(['--help', '..', 'a/../../b', '@{u}', 'x.lock', 'x'.repeat(4096), 'a b', 'a\0b', '-x'])(
    '%j is none',
    (name) => {
      expect(() => sourceRequest('https://h/r', { ref: { branch: name } })).toThrow(/no valid branch name/);
      expect(() => sourceRequest('https://h/r', { ref: { tag: name } })).toThrow(/no valid tag name/);
    },
  );

  it('that all objects have, that look like another, or that a branch and a tag share are told apart', async () => {
    const repository = git.repository('names.git');
    const [first, second] = [repository.commit({ 'a.yaml': '1' }), repository.commit({ 'a.yaml': '2' })];
    repository.git(
      'push',
      '--quiet',
      'origin',
      `${first}:refs/heads/__proto__`,
      `${first}:refs/tags/both`,
      `${second}:refs/heads/both`,
    );
    const at = async (ref: object) =>
      (await snapshotOf(sources, sourceRequest(repository.url, { ref }))).commit.revision;
    const named = async (ref: object) => (await sources.tip(sourceRequest(repository.url, { ref }))).ref;
    expect([await named({ branch: 'both' }), await named({ tag: 'both' })]).toEqual([
      'refs/heads/both',
      'refs/tags/both',
    ]);
    expect(await at({ branch: '__proto__' })).toBe(first);
    expect([await at({ branch: 'both' }), await at({ tag: 'both' })]).toEqual([second, first]);
    await expect(at({ branch: 'constructor' })).rejects.toMatchObject({ code: 'RefNotFound' });
    await expect(at({ branch: 'm\u0430in' })).rejects.toMatchObject({ code: 'RefNotFound' });
  });
});

describe('G8: history that is not what it was', () => {
  it('is followed over more pushes than there are packs, and back again', async () => {
    const repository = git.repository('many-packs.git');
    const asked = sourceRequest(repository.url);
    const noise = (): string => Array.from({ length: 2_000 }, () => Math.random().toString(36)).join('\n');
    const first = repository.commit({ 'a.yaml': '0', 'large.txt': noise() });
    await snapshotOf(sources, asked);
    for (let i = 1; i <= 40; i += 1) {
      repository.commit({ 'a.yaml': `${i}`, 'large.txt': noise() });
      expect(textsOf(await snapshotOf(sources, asked))['a.yaml']).toBe(`${i}`);
    }
    repository.git('push', '--quiet', '--force', 'origin', `${first}:refs/heads/main`);
    expect(textsOf(await snapshotOf(sources, asked))['a.yaml']).toBe('0');
    repository.git('reset', '--quiet', '--hard', first);
    repository.commit({ 'b.yaml': 'b' });
    expect(Object.keys(textsOf(await snapshotOf(sources, asked))).sort()).toEqual(['a.yaml', 'b.yaml', 'large.txt']);
  });

  // A tag that is moved is sources/refs and sources/succession.
  it('is what it is now: forced, back at an older tree; and a branch that is gone is an error', async () => {
    const repository = git.repository('history.git');
    const ids = ['1', '2', '3'].map((text) => repository.commit({ 'a.yaml': text }));
    const asked = sourceRequest(repository.url);
    const [before, back] = [await snapshotOf(sources, asked), async () => snapshotOf(sources, asked)];
    repository.git('push', '--quiet', '--force', 'origin', `${ids[0]}:refs/heads/main`);
    expect(textsOf(await back())).toEqual({ 'a.yaml': '1' });
    expect(await sources.follows(asked, ids[0] ?? '', before.commit.revision)).toBe(false);
    repository.git('push', '--quiet', 'origin', ':refs/heads/main');
    await expect(back()).rejects.toMatchObject({ code: expect.stringMatching(/RefNotFound|RepositoryEmpty/) });
  });
});

describe('G10: what stands for something else', () => {
  // Alternates are files of a server: no protocol that is spoken here tells of them, and no file of .git is ever read.
  it('is never followed or run: pointers of LFS, filters, submodules', async () => {
    const repository = git.repository('pointers.git');
    repository.commit({
      '.gitattributes': '*.yaml filter=lfs diff=lfs merge=lfs\n',
      'lfs.yaml': lfsPointer,
      'filtered/.gitattributes': '*.yaml filter=evil ident text eol=crlf\n',
      'filtered/f.yaml': '# $Id$\n',
      '.gitmodules': '[submodule "x"]\n\tpath = x\n\turl = https://evil.example.com/x\n',
    });
    repository.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},x.yaml`);
    repository.git('commit', '--quiet', '-m', 'x');
    repository.git('push', '--quiet', 'origin', 'HEAD:main');
    const snapshot = await snapshotOf(sources, sourceRequest(repository.url));
    const filtered = snapshot.files.find(({ path }) => path === 'filtered/f.yaml');
    expect(Buffer.from(filtered?.read() ?? []).toString()).toBe('# $Id$\n');
    const { objects, problems } = renderPlain(snapshot.files);
    expect(objects).toEqual([]);
    expect(problems.map(describeProblem)).toEqual([
      'lfs.yaml: is a Git LFS pointer; commit the manifest itself',
      'x.yaml: is a submodule; submodules are not read',
    ]);
  });

  it('a repository of SHA-256 is refused in words', async () => {
    const path = join(git.root, 'wide.git');
    const run = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: git.root, encoding: 'utf8' });
    run('init', '--quiet', '--bare', '--object-format=sha256', path);
    const tree = run('-C', path, 'mktree', '--missing').trim();
    const commit = run('-C', path, 'commit-tree', tree, '-m', 'x').trim();
    run('-C', path, 'update-ref', 'refs/heads/main', commit);
    const url = git.repository('beside.git').url.replace('beside.git', 'wide.git');
    expect(await refusal(sources, url)).toMatchObject({
      code: 'SourceUnsupported',
      message: expect.stringContaining('SHA-256'),
    });
  });
});

/** Keeps a tree as it is, whatever git thinks of it. @returns its id */
function hashTree({ workTree }: Repository, tree: Buffer): string {
  const args = ['hash-object', '-w', '-t', 'tree', '--stdin', '--literally'];
  return execFileSync('git', args, { cwd: workTree, input: tree, encoding: 'utf8' }).trim();
}

function pushTree(repository: Repository, tree: Buffer): void {
  const run = (input: string, ...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      cwd: repository.workTree,
      input,
      encoding: 'utf8',
    }).trim();
  const commit = run('', 'commit-tree', hashTree(repository, tree), '-m', 'x');
  run('', 'push', '--quiet', '--force', 'origin', `${commit}:refs/heads/main`);
}

// A NUL ends a name: no tree can hold one with it.
describe('L2: entries that could mean another place', () => {
  it.each(['..', '.', '.git', '.GIT', 'a/b', 'a\\..\\b'])('named %j are refused', async (name) => {
    const repository = git.repository(`entry-${Buffer.from(name).toString('hex')}.git`);
    repository.commit({ 'a.yaml': 'a' });
    const blob = Buffer.from(repository.git('rev-parse', 'HEAD:a.yaml'), 'hex');
    pushTree(repository, Buffer.concat([Buffer.from(`100644 ${name}\0`), blob]));
    expect(await refusal(sources, repository.url)).toMatchObject({
      code: 'SourceUnsupported',
      message: expect.stringContaining('forbidden name'),
    });
  });

  it('of one name are refused: nobody would know which of them counts', async () => {
    const repository = git.repository('twice.git');
    repository.commit({ 'a.yaml': 'a', 'b.yaml': 'b' });
    const entry = (name: string, of: string) =>
      Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(repository.git('rev-parse', `HEAD:${of}`), 'hex')]);
    pushTree(repository, Buffer.concat([entry('x.yaml', 'a.yaml'), entry('x.yaml', 'b.yaml')]));
    expect(await refusal(sources, repository.url)).toMatchObject({
      code: 'SourceUnsupported',
      message: expect.stringContaining('twice'),
    });
  });

  it('named as a device elsewhere is a file like any other: nothing is ever written out', async () => {
    const repository = git.repository('device.git');
    repository.commit({ CON: 'a', 'aux/nul.yaml': 'b' });
    expect(Object.keys(textsOf(await snapshotOf(sources, sourceRequest(repository.url)))).sort()).toEqual([
      'CON',
      'aux/nul.yaml',
    ]);
  });
});

describe('L1, L2: links', () => {
  const targets = [
    '/etc/passwd',
    '/var/run/secrets/kubernetes.io/serviceaccount/token',
    '/proc/self/environ',
    '../'.repeat(8),
    'link.yaml',
    '.',
  ];
  it.each(targets)('to %j are refused by name, and what they lead to is nowhere', async (target) => {
    const repository = git.repository(`link-${Buffer.from(target).toString('hex').slice(0, 30)}.git`);
    repository.commit({ 'a.yaml': 'x: C4NARY\n', target });
    const blob = repository.git('rev-parse', 'HEAD:target');
    repository.git('update-index', '--add', '--cacheinfo', `120000,${blob},link.yaml`);
    repository.git('update-index', '--add', '--cacheinfo', `120000,${blob},app`);
    repository.git('commit', '--quiet', '-m', 'link');
    repository.git('push', '--quiet', 'origin', 'HEAD:main');
    const { files } = await snapshotOf(sources, sourceRequest(repository.url));
    const told = renderPlain(files).problems.map(describeProblem);
    expect(told).toContain('link.yaml: is a symbolic link; links are not followed');
    expect(told.join()).not.toMatch(/root:|PATH=|HOME=|eyJ|C4NARY/);
    const links = files.filter(({ type }) => type === 'symlink');
    expect(links.map((link) => [link.path, Buffer.from(link.read()).toString()])).toEqual([
      ['app', target],
      ['link.yaml', target],
    ]);
    for (const path of ['app', 'app/x'])
      await expect(snapshotOf(sources, sourceRequest(repository.url, { path }))).rejects.toMatchObject({
        code: 'PathNotFound',
      });
  });
});

describe('L3: the path of an app', () => {
  it.each(['../other', '/etc', 'a/../../b', 'a\\b', 'a\0b'])('%j is refused', async (path) => {
    const repository = git.repository(`paths-${Buffer.from(path).toString('hex')}.git`);
    await expect(snapshotOf(sources, sourceRequest(repository.url, { path }))).rejects.toMatchObject({
      code: expect.stringMatching(/InvalidSpec|RepositoryEmpty/),
    });
    repository.commit({ 'app/a.yaml': `${Math.random()}` });
    await expect(snapshotOf(sources, sourceRequest(repository.url, { path }))).rejects.toMatchObject({
      code: 'InvalidSpec',
    });
  });

  it('is the whole where it says nothing, and an error where there is none or a file', async () => {
    const repository = git.repository('paths-there.git');
    repository.commit({ 'app/a.yaml': 'a' });
    const at = async (path: string) =>
      Object.keys(textsOf(await snapshotOf(sources, sourceRequest(repository.url, { path }))));
    for (const path of ['', './', '.']) expect(await at(path)).toEqual(['app/a.yaml']);
    for (const path of ['app/a.yaml', 'missing'])
      await expect(at(path)).rejects.toMatchObject({ code: 'PathNotFound' });
  });
});
