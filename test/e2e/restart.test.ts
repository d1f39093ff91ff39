import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { objectsAt, textAt } from '../../diff/json.ts';
import { deliveryOf } from './support/furnish.ts';
import { until } from './support/kube.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep([
  'restart-steady',
  'restart-drift',
  'restart-middle',
  'restart-kill',
  'restart-hanging',
  'restart-two',
  'restart-record',
  'restart-large',
]);

describeOnOwnCluster('a restarted agent', () => {
  it('writes nothing when nothing changed', async () => {
    const app = await lockstep.app('restart-steady', {
      'a.yaml': configMap('a', { a: '1' }),
      'b.yaml': deployment('web'),
    });
    await app.ready();
    let since = 0;
    await lockstep.restart('SIGTERM', async () => {
      await sleep(1_200);
      since = Date.now();
    });
    await sleep(2_500);
    const sent = app.requests(since).filter((entry) => !['get', 'list'].includes(entry.verb));
    expect(sent).toEqual([]);
  });

  it('undoes what happened while it was away, also without the Git server', async () => {
    const app = await lockstep.app('restart-drift', {
      'a.yaml': configMap('edited', { color: 'blue' }),
      'b.yaml': configMap('deleted', { a: '1' }),
    });
    await app.ready();
    await lockstep.restart('SIGTERM', async () => {
      lockstep.git.fault = 'refusing';
      await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'edited'), { data: { color: 'red' } });
      await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'deleted'));
    });
    await until('the deleted one is back', async () => app.get('v1', 'ConfigMap', 'deleted'));
    await until(
      'the edited one is blue',
      async () => textAt(await app.get('v1', 'ConfigMap', 'edited'), 'data', 'color') === 'blue',
    );
    lockstep.git.fault = 'none';
    await app.ready(30_000);
  });

  it('goes on in the middle of a release, also after a kill', async () => {
    const app = await lockstep.app('restart-middle', {
      'a.yaml': deployment('slow', { pod: { 'ready-after': '3s' } }),
      'b.yaml': configMap('after', { a: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
    });
    await until('the first wave is applied', async () => app.get('apps/v1', 'Deployment', 'slow'));
    await lockstep.restart('SIGKILL');
    await app.ready(30_000);
    expect(await app.get('v1', 'ConfigMap', 'after')).toBeDefined();
    expect((await app.get('apps/v1', 'Deployment', 'slow'))?.metadata['generation']).toBe(1);
  });

  it('prunes what left Git while it was away', async () => {
    const app = await lockstep.app('restart-kill', {
      'a.yaml': configMap('a', { a: '1' }),
      'b.yaml': configMap('b', { a: '1' }),
    });
    await app.ready();
    await lockstep.restart('SIGKILL', async () => app.push({ 'b.yaml': null }));
    await app.ready(30_000);
    await until('b is gone', async () => (await app.get('v1', 'ConfigMap', 'b')) === undefined);
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeDefined();
  });

  it('does not bring old content back while a prune hangs', async () => {
    const held = '  finalizers: [example.com/hold]\n';
    const app = await lockstep.app('restart-hanging', {
      'a.yaml': configMap('changed', { a: 'old' }),
      'b.yaml': configMap('held', { a: '1' }, held),
    });
    await app.ready();
    app.push({ 'a.yaml': configMap('changed', { a: 'new' }), 'b.yaml': null });
    expect(await app.refused('Progressing')).toContain(
      'ConfigMap restart-hanging/held is being deleted, held by example.com/hold',
    );
    const since = Date.now();
    await lockstep.restart('SIGKILL');
    await sleep(2_500);
    expect(app.writes(since).filter((entry) => entry.name === 'changed')).toEqual([]);
    expect(textAt(await app.get('v1', 'ConfigMap', 'changed'), 'data', 'a')).toBe('new');
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'held'), { metadata: { finalizers: [] } });
    await app.ready(30_000);
  });

  it('sees drift of every Delivery in a namespace, also where they share an account', async () => {
    const first = await lockstep.app('restart-two', { 'a.yaml': configMap('first', { a: '1' }) });
    const others = ['b', 'c', 'd'];
    for (const name of others) {
      const repository = lockstep.git.repository(`restart-two-${name}.git`);
      repository.commit({ 'a.yaml': configMap(name, { a: '1' }) });
      await lockstep.kube.apply(deliveryOf('restart-two', name, repository.url));
    }
    await first.ready();
    for (const name of others) await until(`${name} is there`, async () => first.get('v1', 'ConfigMap', name));
    await sleep(500);
    await lockstep.restart('SIGTERM', async () => {
      for (const name of others) await lockstep.kube.edit(first.ref('v1', 'ConfigMap', name), { data: { a: 'drift' } });
    });
    for (const name of others) {
      await until(
        `${name} is healed`,
        async () => textAt(await first.get('v1', 'ConfigMap', name), 'data', 'a') === '1',
      );
    }
  });

  it('and a running one write their record again when an answer was lost', async () => {
    const app = await lockstep.app('restart-record', { 'a.yaml': configMap('a', { a: '1' }) });
    const { metadata } = await app.ready();
    const record = { apiVersion: 'v1', kind: 'Secret', namespace: 'lockstep-system', name: `lockstep-${metadata.uid}` };
    await lockstep.kube.edit(record, { metadata: { annotations: { touched: 'yes' } } });
    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    await app.ready();
    expect(await lockstep.kube.get(record)).toBeDefined();
  });

  it('knows a release that takes several Secrets to remember', async () => {
    const noise = (): string => randomBytes(500 * 1024).toString('base64');
    const names = ['a', 'b', 'c'];
    const files = Object.fromEntries(
      names.map((name) => [`${name}.yaml`, configMap(name, { noise: noise(), a: '1' })]),
    );
    const app = await lockstep.app('restart-large', files);
    const { metadata } = await app.ready();
    const parts = async (): Promise<string[]> => {
      const path = '/api/v1/namespaces/lockstep-system/secrets';
      const query = { labelSelector: `lockstep.dev/record=${metadata.uid}` };
      const { body } = await lockstep.kube.http.request({ method: 'GET', path, query });
      return objectsAt(body, 'items').map((secret) => textAt(secret, 'metadata', 'name') ?? '');
    };
    const before = await parts();
    expect(before.length).toBeGreaterThanOrEqual(2);
    await lockstep.restart('SIGKILL', async () => {
      await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'c'), { data: { a: 'drift' } });
    });
    await until('c is healed', async () => textAt(await app.get('v1', 'ConfigMap', 'c'), 'data', 'a') === '1');
    app.push({ 'b.yaml': null });
    await app.ready();
    expect(await app.get('v1', 'ConfigMap', 'b')).toBeUndefined();
    // Parts that no longer belong to the record are not left behind.
    app.push({ 'c.yaml': configMap('c', { a: '2' }) });
    await app.ready();
    await until('only what is needed is kept', async () => (await parts()).length < before.length);
    await app.remove();
    expect(await parts()).toEqual([]);
  });
});
