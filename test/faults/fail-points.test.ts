import { expect, it } from 'vitest';
import { at, objectsAt, textAt } from '../../diff/json.ts';
import { until } from '../e2e/support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from '../e2e/support/lockstep.ts';
import { expectBack, held, picture } from '../e2e/support/rollback.ts';

/** Where the agent is killed, and on the way to which end. */
const forward = [
  'after-fetch',
  'plan-stored',
  'before-apply:2',
  'apply-answered',
  'apply-answered:3',
  'step-applied:2',
  'record-written:1',
  'record-written:2',
  'mid-prune',
] as const;
const back = [
  'verdict',
  'record-written:3',
  'mid-rollback',
  'mid-rollback:2',
  'before-apply:5',
  'apply-answered:5',
] as const;

/** While a second commit takes the place of a first one that still runs. */
const over = ['plan-stored', 'before-apply:2', 'apply-answered', 'record-written:1'] as const;

const nameOf = (point: string): string => `die-${point.replace(':', '-')}`;
const lockstep = useLockstep([
  ...forward.map((point) => nameOf(`f-${point}`)),
  ...back.map((point) => nameOf(`b-${point}`)),
  ...over.map((point) => nameOf(`o-${point}`)),
]);

const wave = (number: number): string => `  annotations: {lockstep.dev/wave: "${number}"}\n`;
const good = {
  'a.yaml': configMap('a', { of: 'good' }, wave(0)),
  'b.yaml': configMap('b', { of: 'good' }, wave(1)),
  'web.yaml': deployment('web', { wave: 1 }),
  'old.yaml': configMap('old', { of: 'good' }),
};
const better = {
  'a.yaml': configMap('a', { of: 'better' }, wave(0)),
  'b.yaml': configMap('b', { of: 'better' }, wave(1)),
  'web.yaml': deployment('web', { wave: 1, image: 'app:2' }),
  'new.yaml': configMap('new', { of: 'better' }, wave(1)),
  'old.yaml': null,
};
const bad = { ...better, 'web.yaml': deployment('web', { wave: 1, image: 'app:missing' }) };

/** Pushes while an agent is there that dies at a point, and then starts one that does not. */
async function dieAt(app: App, point: string, files: Readonly<Record<string, string | null>>): Promise<void> {
  await lockstep.restart('SIGTERM', undefined, { LOCKSTEP_FAIL_AT: point });
  app.push(files);
  await lockstep.agent.gone;
  await lockstep.restart('SIGKILL');
}

/** How often the specification of the Deployment was changed: each change makes a new generation, an apply of the same none. */
const generation = async (app: App) => at(await app.get('apps/v1', 'Deployment', 'web'), 'metadata', 'generation');

/** No object was created twice, and none was deleted that was not to go. */
function expectNothingDoubled(app: App, since: number, gone: readonly string[]): void {
  const log = app.writes(since);
  const created = log.filter(({ status }) => status === 201).map(({ resource, name }) => `${resource} ${name}`);
  expect(new Set(created).size).toBe(created.length);
  const deleted = log.filter(({ verb }) => verb === 'delete').map(({ resource, name }) => `${resource} ${name}`);
  expect([...new Set(deleted)].sort()).toEqual([...gone].sort());
}

describeOnOwnCluster('an agent that is killed on the way forward', () => {
  it.each(forward)('at %s: another one brings the release to the same end', async (point) => {
    const app = await lockstep.app(nameOf(`f-${point}`), good);
    await app.ready();
    const since = Date.now();
    await dieAt(app, point, better);
    const status = await app.ready(30_000);
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'of')).toBe('better');
    expect(textAt(await app.get('v1', 'ConfigMap', 'b'), 'data', 'of')).toBe('better');
    expect(await app.get('v1', 'ConfigMap', 'new')).toBeDefined();
    expect(await app.get('v1', 'ConfigMap', 'old')).toBeUndefined();
    expectNothingDoubled(app, since, ['configmaps old']);
    expect(await generation(app)).toBe(2);
    expect(objectsAt(status, 'status', 'history').map(({ verdict }) => verdict)).toEqual(['Good', 'Good']);
  });
});

describeOnOwnCluster('an agent that is killed on the way back', () => {
  it.each(back)('at %s: another one brings good back exactly', async (point) => {
    const app = await lockstep.app(nameOf(`b-${point}`), good);
    await app.ready();
    const revision = app.revision;
    const refs = [
      ...['a', 'b', 'old'].map((name) => app.ref('v1', 'ConfigMap', name)),
      app.ref('apps/v1', 'Deployment', 'web'),
    ];
    const before = await picture(lockstep, refs);
    const since = Date.now();
    await dieAt(app, point, bad);
    const status = await held(app);
    await expectBack(lockstep, app, before, refs, revision);
    expect(at(status, 'status', 'leftBehind')).toBeUndefined();
    expectNothingDoubled(app, since, ['configmaps new']);
    expect(await generation(app)).toBe(3);
  });
});

describeOnOwnCluster('an agent that is killed while a newer commit takes over', () => {
  it.each(over)(
    'at %s: another one brings the newer commit to its end, and prunes what either of them left',
    async (point) => {
      const app = await lockstep.app(nameOf(`o-${point}`), good);
      await app.ready();
      const first = app.revision;
      app.push({ ...better, 'web.yaml': deployment('web', { wave: 1, image: 'app:2', pod: { pod: 'never-ready' } }) });
      await until('the first commit is verified in its last wave', async () => (await generation(app)) === 2);
      const passed = app.revision;
      const since = Date.now();
      await dieAt(app, point, {
        'web.yaml': deployment('web', { wave: 1, image: 'app:3' }),
        'new.yaml': null,
        'newer.yaml': configMap('newer', { of: 'newer' }, wave(1)),
      });
      const status = await app.ready(30_000);
      expect(await app.get('v1', 'ConfigMap', 'newer')).toBeDefined();
      expect(await app.get('v1', 'ConfigMap', 'new')).toBeUndefined();
      expect(await app.get('v1', 'ConfigMap', 'old')).toBeUndefined();
      expectNothingDoubled(app, since, ['configmaps new', 'configmaps old']);
      expect(await generation(app)).toBe(3);
      const history = objectsAt(status, 'status', 'history');
      expect(history.map(({ verdict, revision }) => `${verdict} ${revision}`)).toEqual([
        `Good ${app.revision}`,
        `Superseded ${passed}`,
        `Good ${first}`,
      ]);
    },
  );
});
