import { describe, expect, inject, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import { lockstepBeside } from '../support/cli.ts';
import { until } from '../support/kube.ts';
import { type App, configMap, useLockstep } from '../support/lockstep.ts';

const lockstep = useLockstep(['follows-strict', 'follows-tag', 'follows-told', 'follows-restart']);
const content = (color: string) => ({ 'a.yaml': configMap('a', { color }) });
const color = async (app: App): Promise<string | undefined> =>
  textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'color');
const strict = { source: { requireFastForward: true } };

async function isColor(app: App, wanted: string): Promise<void> {
  await until(`${app.namespace} is ${wanted}`, async () => (await color(app)) === wanted);
}

/** Takes the last commits back, and pushes another one in their place. */
function rewrite(app: App, back: number, to: string): string {
  app.repository.git('reset', '--quiet', '--hard', `HEAD~${back}`);
  return app.push(content(to), `rewritten ${to}`);
}

async function confirm(app: App, revision: string): Promise<void> {
  const { code, stderr } = await lockstepBeside([
    ...['confirm', 'app', '-n', app.namespace, '--plan', revision],
    ...['--kubeconfig', inject('kubeconfig')],
  ]);
  expect([code, stderr]).toEqual([0, '']);
}

describe('a Delivery with requireFastForward', () => {
  it('follows what follows, one commit or many, and waits for a word where history was rewritten', async () => {
    const app = await lockstep.app('follows-strict', content('blue'), strict);
    await app.ready();
    app.push(content('red'));
    await app.ready();
    for (let i = 0; i < 150; i += 1) app.repository.git('commit', '--quiet', '--allow-empty', '-m', `${i}`);
    app.push(content('green'));
    await app.ready();
    app.repository.git('checkout', '--quiet', '-B', 'side', 'HEAD~20');
    app.repository.git('commit', '--quiet', '--allow-empty', '-m', 'aside');
    app.repository.git('checkout', '--quiet', '-B', 'main', 'main');
    app.repository.git('merge', '--quiet', '--no-edit', 'side');
    app.push(content('merged'));
    await app.ready();

    const since = Date.now();
    const revision = rewrite(app, 3, 'forced');
    const message = await app.refused('HistoryRewritten');
    expect(message).toMatch(/^refs\/heads\/main went from [0-9a-f]{12} to [0-9a-f]{12}, which does not follow it; /);
    expect(message).toContain(`lockstep confirm app -n follows-strict --plan ${revision}`);
    expect(await color(app)).toBe('merged');
    expect(app.writes(since)).toEqual([]);
    // What follows the rewritten one has not been confirmed either.
    const next = app.push(content('next'));
    await until('the next one is refused', async () =>
      (await app.refused('HistoryRewritten')).includes(next.slice(0, 12)),
    );
    expect(await color(app)).toBe('merged');
    await confirm(app, next);
    await app.ready();
    expect(await color(app)).toBe('next');
    app.push(content('after'));
    await app.ready();
    await app.remove();
  });

  it('takes a moved tag for what it is', async () => {
    const { git } = lockstep;
    const repository = git.repository('follows-tag-followed.git');
    repository.commit(content('blue'));
    repository.git('tag', 'stable');
    repository.git('push', '--quiet', 'origin', 'stable');
    const source = { url: repository.url, ref: { tag: 'stable' }, requireFastForward: true };
    const app = await lockstep.app('follows-tag', {}, { source });
    await isColor(app, 'blue');
    const revision = repository.commit(content('red'));
    repository.git('tag', '--force', 'stable');
    repository.git('push', '--quiet', '--force', 'origin', 'stable');
    expect(await app.refused('TagMoved')).toMatch(/^the tag stable was moved from [0-9a-f]{12} to [0-9a-f]{12}; /);
    expect(await color(app)).toBe('blue');
    await confirm(app, revision);
    await isColor(app, 'red');
    await app.remove();
  });

  it('remembers over a restart what came before', async () => {
    const app = await lockstep.app('follows-restart', content('blue'), strict);
    await app.ready();
    app.push(content('red'));
    await app.ready();
    await lockstep.restart('SIGTERM', async () => rewrite(app, 1, 'forced'));
    await app.refused('HistoryRewritten');
    expect(await color(app)).toBe('red');
    // To take it back is to go on.
    app.repository.git('reset', '--quiet', '--hard', 'HEAD@{2}');
    app.push(content('green'));
    await app.ready();
    expect(await color(app)).toBe('green');
    await app.remove();
  });
});

describe('a Delivery without it', () => {
  it('follows whatever is pushed, and tells by an Event what history lost', async () => {
    const app = await lockstep.app('follows-told', content('blue'));
    await app.ready();
    app.push(content('red'));
    await app.ready();
    rewrite(app, 1, 'forced');
    await app.ready();
    expect(await color(app)).toBe('forced');
    const told = await until('it is told', async () =>
      (await app.events()).find(({ reason }) => reason === 'HistoryRewritten'),
    );
    expect(told.message).toMatch(
      /^refs\/heads\/main went from [0-9a-f]{12} to [0-9a-f]{12}, which does not follow it$/,
    );
    await app.remove();
  });
});
