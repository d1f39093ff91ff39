import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject, ObjectRef } from '../../sync/types.ts';
import { deliveriesPath, deliveryOf, deliveryRef, makeNamespace } from './support/furnish.ts';
import { gone, until } from './support/kube.ts';
import { configMap, useLockstep } from './support/lockstep.ts';

const names = [
  'sets-list',
  'sets-folders',
  'sets-files',
  'sets-requests',
  'sets-wrong',
  'sets-orphan',
  'sets-two',
  'sets-many',
];
const lockstep = useLockstep(names);

const setRef = (namespace: string): ObjectRef => ({
  apiVersion: 'lockstep.dev/v1alpha1',
  kind: 'DeliverySet',
  namespace,
  name: 'set',
});

/** A set whose Deliveries follow one repository. */
async function set(
  namespace: string,
  generators: readonly object[],
  template: { name: string; source: object },
  more: object = {},
) {
  await makeNamespace(lockstep.kube, namespace);
  const spec = {
    ...(deliveryOf(namespace, 'x', 'unused')['spec'] as object),
    source: { interval: '1s', ...template.source },
  };
  const whole: unknown = {
    apiVersion: 'lockstep.dev/v1alpha1',
    kind: 'DeliverySet',
    metadata: { name: 'set', namespace },
    spec: { generators, interval: '1s', template: { metadata: { name: template.name }, spec }, ...more },
  };
  await lockstep.kube.apply(whole as KubeObject);
}

const mapIn = (namespace: string, name: string) =>
  lockstep.kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name });
const isThere = async (namespace: string, name: string): Promise<boolean> =>
  (await mapIn(namespace, name)) !== undefined;
async function areLive(namespace: string, ...maps: readonly string[]): Promise<void> {
  for (const name of maps) await until(`${name} is live`, () => isThere(namespace, name), 30_000);
}
const statusOf = async (namespace: string): Promise<string> =>
  JSON.stringify((await lockstep.kube.get(setRef(namespace)))?.['status'] ?? {});
async function deliveriesIn(namespace: string): Promise<string[]> {
  const { body } = await lockstep.kube.http.request({
    method: 'GET',
    path: deliveriesPath(namespace),
  });
  return objectsAt(body, 'items')
    .map((one) => textAt(one, 'metadata', 'name') ?? '')
    .sort();
}
/** Lets the plan that the set is at now be carried out. */
async function confirm(namespace: string): Promise<void> {
  const [, named] = /confirms the plan ([0-9a-f]{12})/.exec(await statusOf(namespace)) ?? [];
  const plan = named ?? textAt(await lockstep.kube.get(setRef(namespace)), 'status', 'plan');
  const request = `confirm@${Date.now()} plan=${plan}`;
  await lockstep.kube.edit(setRef(namespace), { metadata: { annotations: { 'lockstep.dev/request': request } } });
}
async function remove(namespace: string): Promise<void> {
  await lockstep.kube.delete(setRef(namespace));
  await gone(lockstep.kube, setRef(namespace), 60_000);
}

describe('a set of Deliveries', () => {
  it('has one for each entry of a list, and keeps one that leaves it until somebody confirms', async () => {
    const namespace = 'sets-list';
    const repository = lockstep.git.repository('sets-list.git');
    repository.commit({ 'blue/map.yaml': configMap('blue', { a: '1' }), 'red/map.yaml': configMap('red', { a: '1' }) });
    const list = [{ color: 'blue' }, { color: 'red' }];
    const template = { name: 'shop-{{color}}', source: { url: repository.url, path: '{{ color }}' } };
    await set(namespace, [{ list }], template);
    await areLive(namespace, 'blue', 'red');
    expect(await deliveriesIn(namespace)).toEqual(['shop-blue', 'shop-red']);
    await until('it is told', async () => (await statusOf(namespace)).includes('by the set: 2 Deliveries'));
    await set(namespace, [{ list: list.slice(0, 1) }], template);
    await until('the new list is taken', async () => (await statusOf(namespace)).includes('by the set: 1 Delivery'));
    expect(await deliveriesIn(namespace)).toEqual(['shop-blue', 'shop-red']);
    await confirm(namespace);
    await until(
      'the one that left is gone',
      async () => (await deliveriesIn(namespace)).join() === 'shop-blue',
      30_000,
    );
    expect([await isThere(namespace, 'red'), await isThere(namespace, 'blue')]).toEqual([false, true]);
    await set(namespace, [{ list: list.slice(0, 1) }], template, { deletion: 'delete' });
    await remove(namespace);
    expect([await isThere(namespace, 'blue'), await deliveriesIn(namespace)]).toEqual([false, []]);
  });

  it('has those of all of its generators', async () => {
    const namespace = 'sets-two';
    const repository = lockstep.git.repository('sets-two.git');
    repository.commit({
      'apps/one/map.yaml': configMap('one', { a: '1' }),
      'apps/extra/map.yaml': configMap('extra', { a: '1' }),
    });
    const directories = { url: repository.url, include: ['apps/*'], exclude: ['apps/extra'] };
    await set(
      namespace,
      [{ directories }, { list: [{ path: { slug: 'extra' } }] }],
      { name: '{{ path.slug }}', source: { url: repository.url, path: 'apps/{{ path.slug }}' } },
      { deletion: 'delete' },
    );
    await areLive(namespace, 'one', 'extra');
    expect(await deliveriesIn(namespace)).toEqual(['extra', 'one']);
    await remove(namespace);
  });

  it('that loses more than half of many at once keeps them until somebody confirms, also where they would go', async () => {
    const namespace = 'sets-many';
    const repository = lockstep.git.repository('sets-many.git');
    repository.commit({ 'map.yaml': configMap('shared', { a: '1' }) });
    const list = Array.from({ length: 12 }, (_, i) => ({ id: `${i}` }));
    const template = { name: 'many-{{id}}', source: { url: repository.url, path: 'none-{{id}}' } };
    await set(namespace, [{ list }], template, { deletion: 'delete' });
    await until('all are there', async () => (await deliveriesIn(namespace)).length === 12, 30_000);
    await set(namespace, [{ list: list.slice(0, 5) }], template, { deletion: 'delete' });
    await until('it is told', async () => (await statusOf(namespace)).includes('confirms the plan'), 30_000);
    expect(await deliveriesIn(namespace)).toHaveLength(12);
    await confirm(namespace);
    await until('they are gone', async () => (await deliveriesIn(namespace)).length === 5, 60_000);
    await remove(namespace);
  });

  it('has one for each folder of a repository: a push makes and takes away', async () => {
    const namespace = 'sets-folders';
    const repository = lockstep.git.repository('sets-folders.git');
    repository.commit({
      'apps/one/map.yaml': configMap('one', { a: '1' }),
      'apps/Two_2/map.yaml': configMap('two', { a: '1' }),
      'apps/skip/map.yaml': configMap('skip', {}),
    });
    const directories = { url: repository.url, include: ['apps/*'], exclude: ['apps/skip'] };
    await set(
      namespace,
      [{ directories }],
      { name: 'app-{{ path.slug }}', source: { url: repository.url, path: '{{ path }}' } },
      { deletion: 'delete' },
    );
    await areLive(namespace, 'one', 'two');
    expect(await deliveriesIn(namespace)).toEqual(['app-one', 'app-two-2']);
    repository.commit({ 'apps/three/map.yaml': configMap('three', { a: '1' }), 'apps/one/map.yaml': null });
    await until('the new one is live', () => isThere(namespace, 'three'), 30_000);
    await until('the old one is gone', async () => !(await isThere(namespace, 'one')), 30_000);
    const is = async () => (await deliveriesIn(namespace)).join() === 'app-three,app-two-2';
    await until('its Delivery too, once it has removed what it made', is, 30_000);
    const before = await deliveriesIn(namespace);
    await remove(namespace);
    expect(before).toHaveLength(2);
  });

  it('has one for each file of a repository, with what it holds', async () => {
    const namespace = 'sets-files';
    const repository = lockstep.git.repository('sets-files.git');
    repository.commit({
      'env/prod.yaml': 'name: prod\nsource: {folder: big}\n',
      'env/test.json': '{"name": "test", "source": {"folder": "small"}}',
      'big/map.yaml': configMap('big', { a: '1' }),
      'small/map.yaml': configMap('small', { a: '1' }),
    });
    const files = { url: repository.url, include: ['env/*'] };
    await set(namespace, [{ files }], {
      name: '{{name}}',
      source: { url: repository.url, path: '{{ source.folder }}' },
    });
    await areLive(namespace, 'big', 'small');
    repository.commit({ 'env/test.json': '{"name": "test"}' });
    await until('what is missing is told', async () =>
      (await statusOf(namespace)).includes('nothing gives the parameter source.folder'),
    );
    expect(await deliveriesIn(namespace)).toEqual(['prod', 'test']);
    await remove(namespace);
  });

  it('lets what it made stay, where that is said', async () => {
    const namespace = 'sets-orphan';
    const repository = lockstep.git.repository('sets-orphan.git');
    repository.commit({ 'map.yaml': configMap('kept', { a: '1' }) });
    const template = { name: 'only-{{n}}', source: { url: repository.url } };
    await set(namespace, [{ list: [{ n: 1 }] }], template, { deletion: 'orphan' });
    await until('it is live', () => isThere(namespace, 'kept'), 30_000);
    await set(namespace, [{ list: [] }], template, { deletion: 'orphan' });
    await until('the Delivery is gone', async () => (await deliveriesIn(namespace)).length === 0, 30_000);
    expect(await isThere(namespace, 'kept')).toBe(true);
    await remove(namespace);
  });

  it('that makes one name twice, or none that is a name, makes nothing and says so', async () => {
    const namespace = 'sets-wrong';
    await set(namespace, [{ list: [{ n: 'a' }, { n: 'a' }] }], { name: 'x-{{n}}', source: { url: 'https://h/r.git' } });
    await until('it is told', async () =>
      (await statusOf(namespace)).includes('makes two Deliveries with the name /x-a'),
    );
    await set(namespace, [{ list: [{ n: 'A/../b' }] }], { name: 'x-{{n}}', source: { url: 'https://h/r.git' } });
    await until('it is told', async () => (await statusOf(namespace)).includes('would make a Delivery with the name'));
    expect(await deliveriesIn(namespace)).toEqual([]);
    expect(await lockstep.kube.get(deliveryRef(namespace, 'set'))).toBeUndefined();
    await remove(namespace);
  });
});

describe('a set of pull requests', () => {
  let api: Server;
  let open: { number: number; branch: string; label?: string }[] = [];
  let isDown = false;
  const seen: string[] = [];
  beforeAll(async () => {
    api = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://api');
      seen.push(`${pathname} ${request.headers.authorization ?? 'nobody'}`);
      if (isDown) {
        response.writeHead(502).end();
        return;
      }
      const all = open.map(({ number, branch, label = 'preview' }) => ({
        ...{ number, iid: number, title: `{{ x }} "${number}"`, labels: [{ name: label }], sha: 'a'.repeat(40) },
        ...{ source_branch: branch, target_branch: 'main', author: { username: 'ada' }, user: { login: 'ada' } },
        ...{ head: { ref: branch, sha: 'a'.repeat(40) }, base: { ref: 'main' } },
      }));
      const page = Number(searchParams.get('page'));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(all.slice((page - 1) * 100, page * 100)));
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    api.closeAllConnections();
    api.close();
  });

  it.each(['github', 'gitlab', 'gitea'] as const)(
    'of %s has one for each that is open, and none when it is closed',
    async (provider) => {
      const namespace = 'sets-requests';
      await makeNamespace(lockstep.kube, namespace);
      const repository = lockstep.git.repository(`requests-${provider}.git`);
      repository.commit({ 'map.yaml': configMap(`of-${provider}`, { a: '1' }) });
      const metadata = { name: 'token', namespace };
      await lockstep.kube.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata,
        stringData: { password: 'C4NARY-token' },
      });
      const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
      const pullRequests = {
        provider,
        api: url,
        project: 'team/shop',
        labels: ['preview'],
        branch: 'main',
        secretRef: { name: 'token' },
      };
      open = [
        { number: 7, branch: 'feature/New_Look' },
        { number: 8, branch: 'other', label: 'no' },
      ];
      const template = { name: 'pr-{{number}}-{{branchSlug}}', source: { url: repository.url } };
      await set(namespace, [{ pullRequests }], template, { deletion: 'delete' });
      await until('it is live', () => isThere(namespace, `of-${provider}`), 30_000);
      expect(await deliveriesIn(namespace)).toEqual(['pr-7-feature-new-look']);
      expect(seen.at(-1)).toContain('Bearer C4NARY-token');
      isDown = true;
      await until('it is told', async () => (await statusOf(namespace)).includes('HTTP 502'), 30_000);
      expect(await deliveriesIn(namespace)).toEqual(['pr-7-feature-new-look']);
      isDown = false;
      open = [];
      await until('it is gone', async () => (await deliveriesIn(namespace)).length === 0, 60_000);
      expect(await isThere(namespace, `of-${provider}`)).toBe(false);
      expect(lockstep.agent.output()).not.toMatch('C4NARY');
      await remove(namespace);
    },
  );
});
