import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { deliveryOf, deliveryRef, makeNamespace } from './support/furnish.ts';
import { gone, until } from './support/kube.ts';
import { appOf, configMap, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep([
  'dlv-schema',
  'dlv-request',
  'dlv-suspend',
  'dlv-commit',
  'dlv-orphan',
  'dlv-other',
  'dlv-invalid',
  'dlv-render',
  'dlv-moved',
  'dlv-stuck',
  'dlv-beside',
]);

describe('the Delivery', () => {
  it.each([
    ['no source', { source: {} }, /spec\.source\.url/],
    ['a password in the URL', { source: { url: 'https://ada:pw@example.com/r' } }, /spec\.source\.url/],
    ['an unknown word', { sync: { mode: 'sometimes' } }, /spec\.sync\.mode/],
    [
      'a duration without a unit',
      { source: { url: 'https://example.com/r', interval: '60' } },
      /spec\.source\.interval/,
    ],
    ['a history of nothing', { history: 0 }, /spec\.history/],
  ])('is refused by the API server with %s', async (_name, spec, reason) => {
    await makeNamespace(lockstep.kube, 'dlv-schema');
    const whole = deliveryOf('dlv-schema', 'bad', 'https://example.com/r');
    const merged = { ...whole, spec: { ...(whole['spec'] as object), ...spec } };
    if ('source' in spec && !('url' in spec.source)) merged.spec = { source: {} } as never;
    await expect(lockstep.kube.apply(merged as never)).rejects.toThrow(reason);
  });

  it('has defaults, an immutable target, printer columns and kstatus conditions', async () => {
    const app = await lockstep.app('dlv-commit', { 'a.yaml': configMap('a', { a: '1' }) });
    app.push({ 'a.yaml': configMap('a', { a: '2' }) }, 'second: with a subject\n\nand a body');
    const status = await app.ready();
    expect(status).toMatchObject({
      spec: {
        target: { serviceAccountName: 'lockstep' },
        sync: { mode: 'auto', prune: true, selfHeal: true },
        deletionPolicy: 'delete',
      },
      status: {
        state: 'Synced',
        observedGeneration: 1,
        revision: {
          tip: app.revision,
          target: app.revision,
          good: app.revision,
          author: 'Ada',
          subject: 'second: with a subject',
        },
      },
    });
    const conditions = objectsAt(status, 'status', 'conditions').map(
      (condition) => `${condition['type']}=${condition['status']}`,
    );
    expect(conditions.sort()).toEqual([
      'Healthy=True',
      'Held=False',
      'Ready=True',
      'Reconciling=False',
      'Stalled=False',
    ]);
    await expect(lockstep.kube.edit(app.delivery, { spec: { target: { namespace: 'elsewhere' } } })).rejects.toThrow(
      /spec\.target is immutable/,
    );
    const table = await lockstep.kube.http.request({
      method: 'GET',
      path: '/apis/lockstep.dev/v1alpha1/namespaces/dlv-commit/deliveries/app',
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    expect(objectsAt(table.body, 'columnDefinitions').map((column) => column['name'])).toEqual([
      'Name',
      'Ready',
      'State',
      'Revision',
      'Health',
      'Age',
      'Message',
    ]);
  });

  it('is synced at once by a request annotation, which is acknowledged', async () => {
    const app = await lockstep.app(
      'dlv-request',
      { 'a.yaml': configMap('a', { a: '1' }) },
      { source: { interval: '1h' } },
    );
    await app.ready();
    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    await sleep(1_500);
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'a')).toBe('1');
    await app.request('sync@42');
    await app.ready(5_000);
    await until('it is acknowledged', async () => textAt(await app.status(), 'status', 'lastRequest') === 'sync@42');
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'a')).toBe('2');
  });

  it('answers a request that this version does not know', async () => {
    const app = await lockstep.app('dlv-other', { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    await app.request('dance@1');
    await until('it is acknowledged', async () => textAt(await app.status(), 'status', 'lastRequest') === 'dance@1');
    await until('it is told', async () =>
      (await app.events()).some((event) => event.reason === 'RequestUnknown' && event.message.includes('dance')),
    );
  });

  it('does nothing while it is suspended, and goes on afterwards', async () => {
    const app = await lockstep.app('dlv-suspend', { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    await lockstep.kube.edit(app.delivery, { spec: { suspend: true } });
    await app.refused('Suspended');
    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'a'));
    await sleep(1_500);
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
    await lockstep.kube.edit(app.delivery, { spec: { suspend: false } });
    await app.ready();
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'a')).toBe('2');
  });

  it('can be deleted although its spec has become invalid meanwhile, and takes its objects along', async () => {
    const app = await lockstep.app('dlv-invalid', { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    await lockstep.kube
      .edit(app.delivery, { spec: { source: { path: '../outside', url: 'ext::sh -c x://y' } } })
      .catch(() => undefined);
    await lockstep.kube.edit(app.delivery, { spec: { source: { path: '../outside' } } });
    await app.refused('InvalidSpec');
    await app.remove();
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
  });

  // P9 of the vectors, on a cluster.
  it.each<[string, string, object]>([
    ['a path that leads up', 'up', { path: '../outside' }],
    ['a port that there is not', 'port', { url: 'https://h:65536/r' }],
    ['a duration beyond all numbers', 'number', { interval: '1e308h' }],
    ['a duration that runs backwards', 'back', { interval: '-1s' }],
    ['a name of 300 letters', 'x'.repeat(300), {}],
  ])('with %s is refused alone, and the others go on', async (_what, name, source) => {
    const { kube, git } = lockstep;
    const namespace = 'dlv-beside';
    const beside = appOf(lockstep, namespace, git.repository(`beside-${name.slice(0, 9)}.git`));
    await makeNamespace(kube, namespace);
    const bad = deliveryOf(namespace, name, 'https://h/r', { source });
    const problem = await kube.apply(bad).then(
      () =>
        until(`${name} is told to be invalid`, async () => {
          const ready = condition((await kube.get(deliveryRef(namespace, name))) ?? bad, 'Ready');
          return ready?.reason === 'InvalidSpec' ? ready.message : undefined;
        }),
      (error: Error) => error.message,
    );
    expect(problem).toMatch(/spec\.source\.|metadata\.name/);
    beside.push({ 'a.yaml': configMap('a', { beside: name.slice(0, 9) }) });
    await kube.apply(deliveryOf(namespace, 'app', beside.repository.url));
    await beside.ready(20_000);
    expect(textAt(await beside.get('v1', 'ConfigMap', 'a'), 'data', 'beside')).toBe(name.slice(0, 9));
  });

  it('goes to another repository at once, also while the old one keeps it waiting', async () => {
    const { kube, git } = lockstep;
    const app = await lockstep.app('dlv-moved', { 'a.yaml': configMap('a', { from: 'old' }) });
    await app.ready();
    git.silenced.add('dlv-moved.git');
    await sleep(2_000);
    const other = git.repository('dlv-moved-new.git');
    const revision = other.commit({ 'a.yaml': configMap('a', { from: 'new' }) });
    await kube.edit(app.delivery, { spec: { source: { url: other.url } } });
    app.revision = revision;
    await app.ready(5_000);
    expect(textAt(await app.get('v1', 'ConfigMap', 'a'), 'data', 'from')).toBe('new');
    git.silenced.clear();
  });

  it('says what its deletion waits for, also when it is suspended', async () => {
    const held = configMap('held', { a: '1' }, '  finalizers: [example.com/hold]\n');
    const app = await lockstep.app('dlv-stuck', { 'a.yaml': held });
    await app.ready();
    await lockstep.kube.edit(app.delivery, { spec: { suspend: true } });
    await app.refused('Suspended');
    await lockstep.kube.delete(app.delivery);
    expect(await app.refused('Deleting')).toBe('ConfigMap dlv-stuck/held is being deleted, held by example.com/hold');
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'held'), { metadata: { finalizers: [] } });
    await gone(lockstep.kube, app.delivery);
  });

  it('leaves its objects behind when it is deleted with deletionPolicy orphan', async () => {
    const app = await lockstep.app(
      'dlv-orphan',
      { 'a.yaml': configMap('a', { a: '1' }) },
      { deletionPolicy: 'orphan' },
    );
    await app.ready();
    await app.remove();
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeDefined();
  });
});
