import { expect, inject, it } from 'vitest';
import { at, objectsAt, textAt } from '../../../diff/json.ts';
import { condition } from '../../../health/kinds/conditions.ts';
import { lockstepCommand } from '../support/cli.ts';
import { until } from '../support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from '../support/lockstep.ts';
import { expectBack, held, holdMessage, picture } from '../support/rollback.ts';

const lockstep = useLockstep(['hand-manual', 'hand-off', 'hand-rejected', 'hand-twice', 'hand-midway', 'hand-adopted']);

const run = (app: App, ...args: string[]) =>
  lockstepCommand([...args, '-n', app.namespace, '--kubeconfig', inject('kubeconfig')]);
const color = async (app: App) => textAt(await app.get('v1', 'ConfigMap', 'settings'), 'data', 'color');
const readyMessage = async (app: App) => condition(await app.status(), 'Ready')?.message ?? '';
const verdicts = async (app: App) => objectsAt(await app.status(), 'status', 'history').map(({ verdict }) => verdict);
const good = {
  'web.yaml': deployment('web'),
  'settings.yaml': configMap('settings', { color: 'blue' }),
  'old.yaml': configMap('old', { a: '1' }),
};
const bad = {
  'web.yaml': deployment('web', { image: 'app:missing' }),
  'settings.yaml': configMap('settings', { color: 'red' }),
  'old.yaml': null,
  'new.yaml': configMap('new', { a: '1' }),
};

/** An app whose second commit failed and, by its settings, stayed. */
async function left(namespace: string, mode: 'manual' | 'off') {
  const app = await lockstep.app(namespace, good, { rollback: { mode } });
  await app.ready();
  const revision = app.revision;
  const refs = [
    app.ref('apps/v1', 'Deployment', 'web'),
    ...['settings', 'old'].map((name) => app.ref('v1', 'ConfigMap', name)),
  ];
  const before = await picture(lockstep, refs);
  app.push(bad);
  await app.refused('ReleaseFailed');
  return { app, revision, refs, before };
}

describeOnOwnCluster('a person', () => {
  it('takes a failed release back when spec.rollback.mode is manual; until then it stays, whole and told', async () => {
    const { app, revision, refs, before } = await left('hand-manual', 'manual');
    expect(await readyMessage(app)).toMatch(/ErrImagePull.*; request rollback to go back to release 1 /);
    expect(textAt(await app.status(), 'status', 'state')).toBe('Degraded');
    // Nothing of either revision is gone, and drift is healed to what was applied.
    expect(await app.get('v1', 'ConfigMap', 'old')).toBeDefined();
    expect(await app.get('v1', 'ConfigMap', 'new')).toBeDefined();
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'settings'), { data: { color: 'green' } });
    await until('drift is healed', async () => (await color(app)) === 'red');
    expect(run(app, 'rollback', 'app')).toMatchObject({ code: 0 });
    await until('good is back', async () => textAt(await app.status(), 'status', 'state') === 'Held');
    expect(Object.fromEntries(await picture(lockstep, refs))).toEqual(Object.fromEntries(before));
    expect(await app.get('v1', 'ConfigMap', 'new')).toBeUndefined();
    expect(textAt(await app.status(), 'status', 'revision', 'good')).toBe(revision);
    expect(holdMessage(await app.status())).toMatch(/asked for a rollback$/);
  });

  it('is only told when it is off; a fix goes forward, and only then what left Git is deleted', async () => {
    const { app } = await left('hand-off', 'off');
    expect(await readyMessage(app)).not.toContain('rollback');
    expect(await verdicts(app)).toEqual(['Degraded', 'Good']);
    app.push({ 'web.yaml': deployment('web', { image: 'app:2' }) });
    await app.ready();
    expect(await color(app)).toBe('red');
    expect(await app.get('v1', 'ConfigMap', 'old')).toBeUndefined();
    expect(await verdicts(app)).toEqual(['Good', 'Degraded', 'Good']);
  });

  it('may push nonsense after that: it is rejected, stands in history, and deletes nothing', async () => {
    const { app } = await left('hand-rejected', 'manual');
    const since = Date.now();
    app.push({
      'new.yaml': null,
      'settings.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings\n',
    });
    await app.refused('InvalidManifests');
    expect(textAt(await app.status(), 'status', 'state')).toBe('Degraded');
    await until('it is history', async () => (await verdicts(app))[0] === 'Rejected');
    app.push({
      'settings.yaml': configMap('settings', { color: 'red' }),
      'web.yaml': deployment('web').replace('app: web', 'app: other'),
    });
    await app.refused('ApplyRefused');
    await until(
      'both are history',
      async () => (await verdicts(app)).filter((verdict) => verdict === 'Rejected').length === 2,
    );
    const list = run(app, 'history', 'app').stdout.split('\n');
    expect(list[1]).toMatch(new RegExp(`^4 +${app.revision.slice(0, 12)} +Rejected .*selector`));
    expect(app.writes(since).filter(({ verb }) => verb === 'delete')).toEqual([]);
    expect(app.writes(since)).toEqual([]);
    expect(await app.get('v1', 'ConfigMap', 'old')).toBeDefined();
    expect(await app.get('v1', 'ConfigMap', 'new')).toBeDefined();
    app.push({ 'web.yaml': deployment('web', { image: 'app:3' }) });
    await app.ready();
    expect(await verdicts(app)).toEqual(['Good', 'Rejected', 'Rejected', 'Degraded', 'Good']);
  });

  it('goes back one release at a time, and is told when there is no further one', async () => {
    const app = await lockstep.app('hand-twice', good);
    for (const shade of ['green', 'red']) {
      await app.ready();
      app.push({ 'settings.yaml': configMap('settings', { color: shade }) });
    }
    await app.ready();
    expect(run(app, 'rollback', 'app')).toMatchObject({ code: 0 });
    await held(app);
    expect(await color(app)).toBe('green');
    expect(run(app, 'rollback', 'app')).toMatchObject({ code: 0 });
    await until('it is the first one', async () => (await color(app)) === 'blue');
    await held(app);
    const again = run(app, 'rollback', 'app');
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('is not recorded; recorded are') });
    expect(await color(app)).toBe('blue');
    // A commit with the content of a held one stays held; new content is released.
    app.push({ 'settings.yaml': configMap('settings', { color: 'green' }) });
    await held(app, 'Held');
    app.push({ 'settings.yaml': configMap('settings', { color: 'white' }) });
    await app.ready();
  });

  it('takes a release back that is still on its way', async () => {
    const app = await lockstep.app('hand-midway', good);
    await app.ready();
    const revision = app.revision;
    const refs = [app.ref('apps/v1', 'Deployment', 'web'), app.ref('v1', 'ConfigMap', 'settings')];
    const before = await picture(lockstep, refs);
    app.push({ ...bad, 'web.yaml': deployment('web', { image: 'app:2', pod: { 'ready-after': '60s' } }) });
    await until('it is verified', async () => textAt(await app.status(), 'status', 'state') === 'Verifying');
    expect(run(app, 'rollback', 'app')).toMatchObject({ code: 0 });
    const status = await held(app);
    await expectBack(lockstep, app, before, refs, revision);
    expect(holdMessage(status)).toMatch(/asked for a rollback$/);
    expect(await app.get('v1', 'ConfigMap', 'new')).toBeUndefined();
    expect(await app.get('v1', 'ConfigMap', 'old')).toBeDefined();
  });

  it('gives back what was there before: an object that a good release took over', async () => {
    const app = await lockstep.app('hand-adopted', good, { sync: { adopt: true } });
    await app.ready();
    const before = await lockstep.kube.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'by-hand', namespace: app.namespace },
      data: { of: 'hand' },
    });
    app.push({ 'by-hand.yaml': configMap('by-hand', { more: 'git' }), 'made.yaml': configMap('made', { a: '1' }) });
    await app.ready();
    expect(run(app, 'rollback', 'app')).toMatchObject({ code: 0 });
    const status = await held(app);
    expect(await app.get('v1', 'ConfigMap', 'made')).toBeUndefined();
    const after = await app.get('v1', 'ConfigMap', 'by-hand');
    expect(after?.['data']).toEqual({ of: 'hand' });
    expect(after?.metadata.uid).toBe(before.metadata.uid);
    // Its managers are those that it had, so that whoever made it goes on as before.
    expect(objectsAt(after, 'metadata', 'managedFields').map(({ manager }) => manager)).toEqual(['kubectl']);
    expect(at(after, 'metadata', 'labels')).toBeUndefined();
    expect(at(status, 'status', 'leftBehind')).toBeUndefined();
  });
});
