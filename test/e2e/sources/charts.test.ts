import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { hasOpenssl } from '../support/certificates.ts';
import { ChartServer, chart } from '../support/chart-server.ts';
import { deliveryOf, deliveryRef, makeNamespace } from '../support/furnish.ts';
import { until } from '../support/kube.ts';
import { configMap, useLockstep } from '../support/lockstep.ts';
import {
  archiveOf,
  hasRegistry,
  helmChart,
  type RegistryServer,
  registryUser,
  startRegistry,
} from '../support/registry.ts';

const names = [
  'charts-alone',
  'charts-beside',
  'charts-parts',
  'charts-oci',
  'charts-artifact',
  'charts-wrong',
  'charts-endless',
  'charts-plain',
];
const lockstep = useLockstep(names);

const charts = new ChartServer();
beforeAll(async () => {
  await charts.start();
  await charts.add('web', ['1.0.0', '1.2.0', '2.0.0-rc.1']);
  await charts.add('part', ['0.1.0', '0.2.0']);
});
afterAll(() => charts.close());

/** A Delivery without a source: a chart alone. */
function chartAlone(namespace: string, helm: object): KubeObject {
  const whole = deliveryOf(namespace, 'app', 'unused', { render: { helm } });
  const { source: _source, ...spec } = whole['spec'] as Record<string, object>;
  return { ...whole, spec } as unknown as KubeObject;
}

const shownBy = async (namespace: string, name: string): Promise<string | undefined> =>
  textAt(await lockstep.kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }), 'data', 'shown');

const message = async (namespace: string): Promise<string> =>
  JSON.stringify((await lockstep.kube.get(deliveryRef(namespace, 'app')))?.['status'] ?? {});

const sync = (namespace: string, id: string) =>
  lockstep.kube.edit(deliveryRef(namespace, 'app'), {
    metadata: { annotations: { 'lockstep.dev/request': `sync@${id}` } },
  });

describe('a chart of a repository of charts', () => {
  it('is delivered without any Git, goes to a new version in its range, and is told by its version', async () => {
    const namespace = 'charts-alone';
    await makeNamespace(lockstep.kube, namespace);
    const helm = { repository: charts.url, chart: 'web', version: '1.x', values: { color: 'red' } };
    await lockstep.kube.apply(chartAlone(namespace, helm));
    await until('it is live', async () => (await shownBy(namespace, 'web')) === '1.2.0 red');
    await until('it is told', async () => (await message(namespace)).includes('"ref":"web 1.2.0"'));
    const before = charts.requests.length;
    await sync(namespace, '1');
    await until('the index is asked for', async () => charts.requests.length > before);
    expect(charts.requests.slice(before)).toEqual(['index.yaml 304']);
    await charts.add('web', ['1.3.0']);
    await sync(namespace, '2');
    await until('the new version is live', async () => (await shownBy(namespace, 'web')) === '1.3.0 red');
    await lockstep.kube.edit(deliveryRef(namespace, 'app'), { spec: { render: { helm: { version: '>=2.0.0-0' } } } });
    await until('the early version is live', async () => (await shownBy(namespace, 'web')) === '2.0.0-rc.1 red');
    await lockstep.kube.edit(deliveryRef(namespace, 'app'), { spec: { render: { helm: { version: '7.x' } } } });
    await until('what is not there is told', async () =>
      (await message(namespace)).includes('no version of the chart web for'),
    );
    expect(await shownBy(namespace, 'web')).toBe('2.0.0-rc.1 red');
  });

  it('has its values in Git beside it: news of either is a release', async () => {
    await charts.add('beside', ['1.0.0']);
    const helm = { repository: charts.url, chart: 'beside', version: '^1.0.0', valuesFiles: ['prod.yaml'] };
    const app = await lockstep.app(
      'charts-beside',
      { 'env/prod.yaml': 'color: green\n' },
      { source: { path: 'env' }, render: { helm } },
    );
    await app.ready();
    expect(await shownBy('charts-beside', 'beside')).toBe('1.0.0 green');
    app.push({ 'env/prod.yaml': 'color: white\n' });
    await app.ready();
    expect(await shownBy('charts-beside', 'beside')).toBe('1.0.0 white');
    await charts.add('beside', ['1.1.0']);
    await until('the new version is live', async () => (await shownBy('charts-beside', 'beside')) === '1.1.0 white');
    await app.remove();
  });

  it('that a chart in Git needs is fetched at the version of its lock file; one beside it is found', async () => {
    const files = {
      'app/Chart.yaml': [
        'apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:',
        `- {name: part, version: "0.x", repository: "${charts.url}"}`,
        '- {name: common, version: "*", repository: "file://../common"}\n',
      ].join('\n'),
      'app/Chart.lock': `dependencies:\n- {name: part, version: 0.1.0, repository: "${charts.url}"}\n`,
      ...Object.fromEntries(Object.entries(chart('common', '3.0.0'))),
    };
    const app = await lockstep.app('charts-parts', files, { source: { path: 'app' } });
    await app.ready();
    expect([await shownBy('charts-parts', 'part'), await shownBy('charts-parts', 'common')]).toEqual([
      '0.1.0 blue',
      '3.0.0 blue',
    ]);
    const before = charts.requests.length;
    app.push({ 'common/values.yaml': 'color: black\n' });
    await app.ready();
    expect(await shownBy('charts-parts', 'common')).toBe('3.0.0 black');
    expect(charts.requests.slice(before).filter((one) => one.includes('part'))).toEqual([]);
    // A chart of before has them in files of their own.
    app.push({
      'app/Chart.yaml': 'apiVersion: v1\nname: app\nversion: 1.0.0\n',
      'app/Chart.lock': null,
      'app/requirements.yaml': `dependencies:\n- {name: part, version: "0.x", repository: "${charts.url}"}\n`,
      'app/requirements.lock': `dependencies:\n- {name: part, version: 0.2.0, repository: "${charts.url}"}\n`,
    });
    await app.ready();
    expect([await shownBy('charts-parts', 'part'), await shownBy('charts-parts', 'common')]).toEqual([
      '0.2.0 blue',
      undefined,
    ]);
    app.push({
      'app/requirements.yaml': null,
      'app/requirements.lock': null,
      'app/Chart.lock': files['app/Chart.lock'],
    });
    app.push({ 'app/Chart.yaml': files['app/Chart.yaml'].replace('name: part', 'name: nowhere') });
    expect(await app.refused('ChartNotFound')).toMatch('nowhere');
    app.push({ 'app/Chart.yaml': files['app/Chart.yaml'].replace('file://../common', 'file://../../x') });
    expect(await app.refused('InvalidManifests')).toMatch('outside of the repository');
    await app.remove();
  });

  it('whose index has no end is told so, and changes nothing', async () => {
    const endless = createServer((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(`  x: []\n${'#'.repeat(60_000)}\n`));
        if (!response.destroyed) response.once('drain', more);
      };
      response.write('entries:\n');
      more();
    });
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve));
    const repository = `http://127.0.0.1:${(endless.address() as AddressInfo).port}`;
    await makeNamespace(lockstep.kube, 'charts-endless');
    await lockstep.kube.apply(chartAlone('charts-endless', { repository, chart: 'web' }));
    await until('it is told', async () => (await message('charts-endless')).includes('sent more than 52428800 bytes'));
    endless.closeAllConnections();
    endless.close();
  });

  it('that is not what the index says, or does not let the agent in, changes nothing', async () => {
    const namespace = 'charts-wrong';
    await makeNamespace(lockstep.kube, namespace);
    await charts.add('forged', ['1.0.0'], { digest: 'a'.repeat(64) });
    await charts.add('bare', ['1.0.0'], { digest: null });
    await lockstep.kube.apply(chartAlone(namespace, { repository: charts.url, chart: 'forged' }));
    await until('it is told', async () => (await message(namespace)).includes('its digest is another one'));
    charts.login = `Basic ${Buffer.from('ada:C4NARY-chart').toString('base64')}`;
    const login = { name: 'login', namespace };
    const data = { username: 'ada', password: 'C4NARY-chart' };
    try {
      await lockstep.kube.edit(deliveryRef(namespace, 'app'), { spec: { render: { helm: { chart: 'bare' } } } });
      await until('it is told', async () => (await message(namespace)).includes('answered HTTP 401'));
      await lockstep.kube.apply({ apiVersion: 'v1', kind: 'Secret', metadata: login, stringData: data });
      await lockstep.kube.edit(deliveryRef(namespace, 'app'), {
        spec: { render: { helm: { secretRef: { name: 'login' } } } },
      });
      await until('it is live', async () => (await shownBy(namespace, 'bare')) === '1.0.0 blue');
      expect(lockstep.agent.output()).not.toMatch('C4NARY');
    } finally {
      charts.login = undefined;
    }
  });
});

describe.skipIf(!hasRegistry || !hasOpenssl)('a registry', () => {
  let server: RegistryServer;
  beforeAll(async () => {
    server = await startRegistry('token');
  });
  afterAll(() => server.close());

  /** The login, as Docker keeps it. */
  async function login(namespace: string): Promise<void> {
    await makeNamespace(lockstep.kube, namespace);
    const auth = Buffer.from(`${registryUser.username}:${registryUser.password}`).toString('base64');
    const host = server.url.slice('oci://'.length);
    const stringData = { '.dockerconfigjson': JSON.stringify({ auths: { [host]: { auth } } }), 'ca.crt': server.ca };
    await lockstep.kube.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login', namespace }, stringData });
  }

  it('holds charts, by version, range or digest', async () => {
    const namespace = 'charts-oci';
    await login(namespace);
    const digests: string[] = [];
    for (const version of ['1.0.0', '1.1.0+build.5'])
      digests.push(
        await server.push('charts/web', version.replace('+', '_'), await archiveOf(chart('web', version)), helmChart),
      );
    const helm = { repository: `${server.url}/charts`, chart: 'web', version: '1.0.0', secretRef: { name: 'login' } };
    await lockstep.kube.apply(chartAlone(namespace, helm));
    await until('it is live', async () => (await shownBy(namespace, 'web')) === '1.0.0 blue');
    await lockstep.kube.edit(deliveryRef(namespace, 'app'), { spec: { render: { helm: { version: '1.x' } } } });
    await until('the newest is live', async () => (await shownBy(namespace, 'web')) === '1.1.0+build.5 blue');
    await lockstep.kube.edit(deliveryRef(namespace, 'app'), { spec: { render: { helm: { version: digests[0] } } } });
    await until('the one of the digest is live', async () => (await shownBy(namespace, 'web')) === '1.0.0 blue');
    const none = `sha256:${'0'.repeat(64)}`;
    await lockstep.kube.edit(deliveryRef(namespace, 'app'), { spec: { render: { helm: { version: none } } } });
    await until('what is not there is told', async () => (await message(namespace)).includes(none));
    expect(await shownBy(namespace, 'web')).toBe('1.0.0 blue');
    expect(lockstep.agent.output()).not.toMatch('C4NARY');
  });

  it('holds manifests as Flux pushes them: a tag that moves is a release, and what it leaves out is deleted', async () => {
    const namespace = 'charts-artifact';
    await login(namespace);
    const push = async (files: Record<string, string>) => server.push('team/shop', 'latest', await archiveOf(files));
    await push({
      'deploy/a.yaml': configMap('a', { shown: 'one' }),
      'deploy/b.yaml': configMap('b', { shown: 'one' }),
    });
    const source = { path: 'deploy', secretRef: { name: 'login' } };
    await lockstep.kube.apply(deliveryOf(namespace, 'app', `${server.url}/team/shop`, { source }));
    await until('it is live', async () => (await shownBy(namespace, 'b')) === 'one');
    const digest = await push({ 'deploy/a.yaml': configMap('a', { shown: 'two' }) });
    await until('the second is live', async () => (await shownBy(namespace, 'a')) === 'two');
    await until('what it leaves out is gone', async () => (await shownBy(namespace, 'b')) === undefined);
    await until('it is told', async () => (await message(namespace)).includes(`"target":"${digest}"`));
  });

  it('without TLS is asked where a Delivery says so, for its chart and for its source, and nowhere else', async () => {
    const namespace = 'charts-plain';
    await makeNamespace(lockstep.kube, namespace);
    const plain = await startRegistry('none', true);
    try {
      await plain.push('charts/web', '1.0.0', await archiveOf(chart('web', '1.0.0')), helmChart);
      const helm = { repository: `${plain.url}/charts`, chart: 'web' };
      await lockstep.kube.apply(chartAlone(namespace, helm));
      await until('it is told', async () => (await message(namespace)).includes('"SourceUnreachable"'));
      await lockstep.kube.edit(deliveryRef(namespace, 'app'), { spec: { render: { helm: { insecure: true } } } });
      await until('it is live', async () => (await shownBy(namespace, 'web')) === '1.0.0 blue');
      await plain.push('team/shop', 'latest', await archiveOf({ 'a.yaml': configMap('a', { shown: 'one' }) }));
      const source = { insecure: true };
      await lockstep.kube.apply(deliveryOf(namespace, 'shop', `${plain.url}/team/shop`, { source }));
      await until('the artifact is live', async () => (await shownBy(namespace, 'a')) === 'one');
    } finally {
      await plain.close();
    }
  });
});
