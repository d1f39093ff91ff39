import { expect, inject, it } from 'vitest';
import { textAt } from '../../diff/json.ts';
import { post } from './support/api.ts';
import { lockstepBeside } from './support/cli.ts';
import { deliveryOf, deliveryRef } from './support/furnish.ts';
import { until } from './support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const crowd = ['gates-crowd-a', 'gates-crowd-b', 'gates-crowd-c'];
const lockstep = useLockstep(['gates-chain', 'gates-circle', 'gates-approve', 'gates-window', ...crowd]);

const dataOf = async (app: App): Promise<unknown> => (await app.get('v1', 'ConfigMap', 'a'))?.['data'];
const stateOf = async (namespace: string, name: string): Promise<string | undefined> =>
  textAt(await lockstep.kube.get(deliveryRef(namespace, name)), 'status', 'state');

/** One more Delivery of the repository of an app, of another folder. */
async function beside({ namespace, repository }: App, name: string, spec: object): Promise<void> {
  await lockstep.kube.apply(deliveryOf(namespace, name, repository.url, { source: { path: name }, ...spec } as never));
}

describeOnOwnCluster('a release waits', () => {
  it('until those that it depends on are good at the same commit, and goes on the moment that they are', async () => {
    const files = (value: string) => ({
      'app/a.yaml': configMap('a', { value }),
      'web/b.yaml': configMap('b', { value }),
      'database/db.yaml': deployment('db', { image: `db:${value}`, pod: { 'ready-after': '2s' } }),
    });
    const source = { source: { path: 'app' } };
    const app = await lockstep.app('gates-chain', files('1'), { ...source, dependsOn: [{ name: 'web' }] });
    expect(await app.refused('DependencyNotReady')).toContain(
      'gates-chain/web: this agent serves no Delivery of that name',
    );
    await beside(app, 'web', { dependsOn: [{ name: 'database' }] });
    await beside(app, 'database', { rollback: { probation: '1s' }, health: { steady: '500ms' } });
    await app.ready();

    const since = Date.now();
    app.push(files('2'));
    await app.ready();
    const order = app
      .writes(since)
      .filter(({ resource, verb }) => verb === 'patch' && ['configmaps', 'deployments'].includes(resource))
      .map(({ name, time }) => ({ name, time }));
    expect(order.map(({ name }) => name)).toEqual(['db', 'b', 'a']);
    // From web being good to its dependent being live: no polling, no patience.
    const [, web, last] = order;
    expect((last?.time ?? 0) - (web?.time ?? 0)).toBeLessThan(1_500);
    // What does not touch them passes by.
    app.push({ 'README.md': 'about' });
    await app.ready();
  });

  it('for ever in a circle, which is named, and others go on', async () => {
    const files = {
      'app/a.yaml': configMap('a', { a: '1' }),
      'web/b.yaml': configMap('b', { a: '1' }),
      'free/c.yaml': configMap('c', { a: '1' }),
    };
    const app = await lockstep.app('gates-circle', files, { source: { path: 'app' }, dependsOn: [{ name: 'web' }] });
    await beside(app, 'web', { dependsOn: [{ name: 'app' }] });
    await beside(app, 'free', {});
    await until('the circle is named', async () =>
      (await app.refused('DependencyCycle')).includes('gates-circle/app → gates-circle/web → gates-circle/app'),
    );
    await until('the other is good', async () => (await stateOf('gates-circle', 'free')) === 'Synced');
    expect(await dataOf(app)).toBeUndefined();
    // Out of the circle both go on at once.
    await lockstep.kube.edit(deliveryRef('gates-circle', 'web'), { spec: { dependsOn: [] } });
    await app.ready();
  });

  it('until somebody approves its plan, by a command or by REST', async () => {
    const app = await lockstep.app(
      'gates-approve',
      { 'a.yaml': configMap('a', { a: '1' }) },
      { sync: { approval: 'required' } },
    );
    const planIn = async () => /the plan is (\w+)/.exec(await app.refused('AwaitingApproval'))?.[1] ?? '';
    const flags = ['-n', app.namespace, '--kubeconfig', inject('kubeconfig')];
    const shown = await lockstepBeside(['plan', 'app', '--hash', ...flags]);
    expect(shown.stdout.trim()).toBe(await planIn());
    expect(await lockstepBeside(['approve', 'app', ...flags])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--plan is needed'),
    });
    expect((await lockstepBeside(['approve', 'app', '--plan', await planIn(), ...flags])).code).toBe(0);
    await app.ready();
    expect((await lockstepBeside(['history', 'show', 'app', ...flags])).stdout).toContain('approved by');

    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    const plan = await planIn();
    app.push({ 'a.yaml': configMap('a', { a: '3' }) });
    await until('the newer one is planned', async () => (await planIn()) !== plan);
    const url = `${lockstep.agent.api}/api/v1/deliveries/gates-approve/app/approve`;
    // A word for what is out of date lets nothing pass.
    expect((await post(url, { plan })).status).toBe(202);
    await until('it is taken note of', async () =>
      textAt(await app.status(), 'status', 'lastRequest')?.includes(`plan=${plan}`),
    );
    expect(await dataOf(app)).toEqual({ a: '1' });
    expect((await post(url, {})).status).toBe(400);
    expect((await post(url, { plan: await planIn() })).status).toBe(202);
    await app.ready();
    expect(await dataOf(app)).toEqual({ a: '3' });
  });

  it('outside of its windows, and drift is healed meanwhile', async () => {
    const closed = { kind: 'deny', schedule: '* * * * *', duration: '2h', manualSync: true };
    const app = await lockstep.app('gates-window', { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    await lockstep.kube.edit(app.delivery, { spec: { sync: { windows: [closed] } } });
    app.push({ 'a.yaml': configMap('a', { a: '2' }) });
    expect(await app.refused('OutsideWindow')).toContain('the window that denies them: * * * * * for 2h (UTC)');
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { data: { a: 'drift' } });
    await until('drift is healed to what is live', async () => textAt((await dataOf(app)) as never, 'a') === '1');
    await app.request('sync@1');
    await app.ready();
    expect(await dataOf(app)).toEqual({ a: '2' });
  });
});

describeOnOwnCluster('many releases that fail for one cause of the cluster', () => {
  it('are not rolled back but for the first few, and go on when it is mended', async () => {
    const names = ['app', 'one', 'two'];
    const health = { signals: { unschedulable: '1s' }, steady: '500ms' };
    const web = (name: string, image: string, zone?: string): string =>
      deployment(name, { image }).replace(
        '      containers:',
        `${zone === undefined ? '' : `      nodeSelector: {zone: ${zone}}\n`}      containers:`,
      );
    const files = (image: string, zone?: string) =>
      Object.fromEntries(names.map((name) => [`${name}/web.yaml`, web(name, image, zone)]));
    const apps = await Promise.all(
      crowd.map((namespace) => lockstep.app(namespace, files('app:1'), { source: { path: 'app' }, health })),
    );
    for (const app of apps) for (const name of names.slice(1)) await beside(app, name, { health });
    await Promise.all(apps.map((app) => app.ready()));
    const all = apps.flatMap(({ namespace }) => names.map((name) => ({ namespace, name })));
    const isState = (wanted: string) => async (one: { namespace: string; name: string }) =>
      (await stateOf(one.namespace, one.name)) === wanted;
    await until('all are good', async () => (await Promise.all(all.map(isState('Synced')))).every(Boolean));

    for (const app of apps) app.push(files('app:2', 'lost'));
    const reasonOf = async ({ namespace, name }: { namespace: string; name: string }) =>
      JSON.stringify((await lockstep.kube.get(deliveryRef(namespace, name)))?.['status'] ?? {});
    const withheld = () =>
      Promise.all(all.map(reasonOf)).then((found) => found.filter((one) => one.includes('"reason":"CircuitOpen"')));
    // The first of them can't be told from one that has failed by itself.
    const count = await until('verdicts are withheld', async () => (await withheld()).length || undefined);
    expect((await withheld())[0]).toContain('Deliveries fail because of nodes that take no pods');
    const metrics = await (await fetch(`${lockstep.agent.probes}/metrics`)).text();
    expect(metrics).toMatch(/^lockstep_circuit_open 1$/m);

    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      name: textAt((await nodeNamed()) as never, 'metadata', 'name') ?? '',
    };
    await lockstep.kube.edit(node, { metadata: { labels: { zone: 'lost' } } });
    try {
      await until('those that were not judged are live', async () => (await withheld()).length === 0);
      const ends = await Promise.all(all.map(({ namespace, name }) => stateOf(namespace, name)));
      expect(ends.filter((state) => state === 'Held').length).toBeLessThanOrEqual(all.length - count);
    } finally {
      await lockstep.kube.edit(node, { metadata: { labels: { zone: null as never } } });
    }
  });
});

async function nodeNamed(): Promise<object> {
  const { body } = await lockstep.kube.http.request({ method: 'GET', path: '/api/v1/nodes', query: { limit: '1' } });
  return (body as unknown as { items: object[] }).items[0] ?? {};
}
