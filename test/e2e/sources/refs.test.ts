import { describe, expect, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import type { Repository } from '../support/git-server.ts';
import { until } from '../support/kube.ts';
import { type App, configMap, useLockstep } from '../support/lockstep.ts';

const lockstep = useLockstep(['ref-tag', 'ref-semver', 'ref-commit', 'ref-head', 'ref-any']);
const content = (color: string) => ({ 'a.yaml': configMap('a', { color }) });
const color = async (app: App): Promise<string | undefined> =>
  textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'color');

/** An app that follows this from what was pushed as blue. */
async function follow(
  namespace: string,
  ref: Record<string, string>,
  tag?: string,
): Promise<{ app: App; repository: Repository }> {
  const { git } = lockstep;
  const repository = git.repository(`${namespace}-followed.git`);
  repository.commit(content('blue'), 'blue');
  if (tag !== undefined) {
    repository.git('tag', '-a', tag, '-m', tag);
    repository.git('push', '--quiet', 'origin', tag);
  }
  const app = await lockstep.app(namespace, {}, { source: { ref, url: repository.url } });
  await isColor(app, 'blue');
  return { app, repository };
}

async function isColor(app: App, wanted: string): Promise<void> {
  await until(`${app.namespace} is ${wanted}`, async () => (await color(app)) === wanted);
}

async function shownRef(app: App): Promise<string | undefined> {
  return textAt(await app.status(), 'status', 'revision', 'ref');
}

describe('a Delivery that follows', () => {
  it('a tag stays at it while the branch goes on, and goes where the tag is moved', async () => {
    const { app, repository } = await follow('ref-tag', { tag: 'stable' }, 'stable');
    const { git } = repository;
    await until('its reference is told', async () => (await shownRef(app)) === 'refs/tags/stable');
    // The revision is the commit, not the tag that names it.
    const commit = git('rev-parse', 'HEAD');
    await until('it is the target', async () => textAt(await app.status(), 'status', 'revision', 'target') === commit);
    repository.commit(content('red'));
    // It is asked for each second: after two more questions it would have gone.
    const asked = lockstep.git.requests.get('ref-tag-followed.git') ?? 0;
    await until(
      'it was asked for again',
      async () => (lockstep.git.requests.get('ref-tag-followed.git') ?? 0) > asked + 1,
    );
    expect(await color(app)).toBe('blue');
    git('tag', '--force', 'stable');
    git('push', '--quiet', '--force', 'origin', 'stable');
    await isColor(app, 'red');
    await until('it is told', async () => (await app.events()).some(({ reason }) => reason === 'TagMoved'));
  });

  it('any reference goes where that goes, as the merge of a request does', async () => {
    const name = 'refs/pull/7/head';
    const repository = lockstep.git.repository('ref-any-followed.git');
    repository.commit(content('blue'));
    repository.git('push', '--quiet', 'origin', `HEAD:${name}`);
    const app = await lockstep.app('ref-any', {}, { source: { ref: { name }, url: repository.url } });
    await isColor(app, 'blue');
    repository.commit(content('red'));
    repository.git('push', '--quiet', '--force', 'origin', `HEAD:${name}`);
    await isColor(app, 'red');
    expect(await shownRef(app)).toBe(name);
  });

  it('a range of versions goes to the highest in it, and back when that is withdrawn', async () => {
    const { app, repository } = await follow('ref-semver', { semver: '1.x' }, 'v1.0.0');
    const { git } = repository;
    repository.commit(content('red'));
    for (const tag of ['v1.10.0', 'v2.0.0', 'v1.11.0-rc.1', 'not-a-version']) git('tag', tag);
    git('push', '--quiet', 'origin', '--tags');
    await isColor(app, 'red');
    await until('its reference is told', async () => (await shownRef(app)) === 'refs/tags/v1.10.0');
    git('push', '--quiet', 'origin', ':refs/tags/v1.10.0');
    await isColor(app, 'blue');
    await until('its reference is told', async () => (await shownRef(app)) === 'refs/tags/v1.0.0');
  });

  it('a commit stays at it, whatever is pushed, and goes where the spec says', async () => {
    const { git } = lockstep;
    const repository = git.repository('ref-commit-followed.git');
    const old = repository.commit(content('blue'));
    const next = repository.commit(content('red'));
    repository.commit(content('green'));
    const app = await lockstep.app('ref-commit', {}, { source: { ref: { commit: old }, url: repository.url } });
    await isColor(app, 'blue');
    expect(await shownRef(app)).toBeUndefined();
    await lockstep.kube.edit(app.delivery, { spec: { source: { ref: { commit: next } } } });
    await isColor(app, 'red');
  });

  it('HEAD goes to the branch that the server shows first', async () => {
    const { app, repository } = await follow('ref-head', { name: 'HEAD' });
    repository.commit(content('red'));
    await isColor(app, 'red');
  });
});
