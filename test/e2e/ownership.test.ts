import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { numberAt, objectsAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { parseYaml } from '../../sync/render/yaml.ts';
import type { KubeObject } from '../../sync/types.ts';
import { deliveryOf, grant, makeNamespace } from './support/furnish.ts';
import { gone, until } from './support/kube.ts';
import {
  appOf,
  configMap,
  customKind,
  customKindRef,
  deployment,
  describeOnOwnCluster,
  useLockstep,
} from './support/lockstep.ts';

const lockstep = useLockstep([
  'own-first',
  'own-second',
  'own-adopt',
  'own-rights',
  'own-account',
  'own-argo',
  'own-flux',
  'own-fluxhelm',
  'own-helm',
  'own-hpa',
  'own-watch',
  'own-list',
  'own-delete',
  'own-old',
  'own-new',
  'own-ending',
  'own-left',
  'own-unserved',
]);

describeOnOwnCluster('ownership', () => {
  it('of an object that two Deliveries declare stays with the first; the second says so (D4)', async () => {
    const first = await lockstep.app('own-first', { 'a.yaml': configMap('shared', { color: 'blue' }) });
    await first.ready();
    const since = Date.now();
    const second = await lockstep.app('own-second', {
      'a.yaml': configMap('shared', { color: 'red' }, '  namespace: own-first\n'),
    });
    expect(await second.refused('ForeignOwner')).toBe(
      'ConfigMap own-first/shared belongs to the Delivery own-first/app',
    );
    expect(second.writes(since)).toEqual([]);
    expect(textAt(await first.get('v1', 'ConfigMap', 'shared'), 'data', 'color')).toBe('blue');
    await second.remove();
    expect(await first.get('v1', 'ConfigMap', 'shared')).toBeDefined();
  });

  it('of objects made by kubectl is taken over without a restart of pods', async () => {
    await makeNamespace(lockstep.kube, 'own-adopt');
    const byHand = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'own-adopt' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' }, annotations: {} },
          spec: { containers: [{ name: 'main', image: 'app:1', ports: [{ containerPort: 8080 }] }] },
        },
      },
    };
    await lockstep.kube.apply(byHand);
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'own-adopt', name: 'web' };
    const before = await until('it runs', async () => {
      const object = await lockstep.kube.get(ref);
      return numberAt(object, 'status', 'availableReplicas') === 1 ? object : undefined;
    });
    const podUids = async (): Promise<(string | undefined)[]> => {
      const { body } = await lockstep.kube.http.request({ method: 'GET', path: '/api/v1/namespaces/own-adopt/pods' });
      return objectsAt(body, 'items').map((pod) => textAt(pod, 'metadata', 'uid'));
    };
    const [firstPod] = await podUids();
    const app = await lockstep.app('own-adopt', { 'a.yaml': deployment('web', { replicas: 2 }) });
    const status = await app.ready();
    expect(numberAt(status, 'status', 'actions', 'adopt')).toBe(1);
    const after = await lockstep.kube.get(ref);
    expect(after?.metadata.uid).toBe(before.metadata.uid);
    expect(numberAt(after, 'spec', 'replicas')).toBe(2);
    expect(await podUids()).toContain(firstPod);
  });

  it('of objects that Argo CD manages is refused unless adoption is asked for (D4)', async () => {
    await makeNamespace(lockstep.kube, 'own-argo');
    await lockstep.kube.apply(
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: 'tracked',
          namespace: 'own-argo',
          annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/ConfigMap:own-argo/tracked' },
        },
        data: { other: '1' },
      },
      'argocd-controller',
    );
    const app = await lockstep.app('own-argo', { 'a.yaml': configMap('tracked', { a: '1' }) });
    expect(await app.refused('ForeignOwner')).toBe(
      'ConfigMap own-argo/tracked belongs to the Argo CD application shop',
    );
    app.push({ 'a.yaml': configMap('tracked', { a: '1' }, '  annotations: {lockstep.dev/adopt: "true"}\n') });
    await app.ready();
  });

  it.each([
    ['flux', { labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop' } }, 'the Flux object shop'],
    ['fluxhelm', { labels: { 'helm.toolkit.fluxcd.io/name': 'shop' } }, 'the Flux object shop'],
    ['helm', { annotations: { 'meta.helm.sh/release-name': 'shop' } }, 'the Helm release shop'],
  ])('of objects of %s is refused as well', async (tool, stamp, owner) => {
    const namespace = `own-${tool}`;
    await makeNamespace(lockstep.kube, namespace);
    const theirs = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'theirs', namespace, ...stamp } };
    await lockstep.kube.apply({ ...theirs, data: { a: 'theirs' } }, tool);
    const app = await lockstep.app(namespace, { 'a.yaml': configMap('theirs', { a: 'ours' }) });
    expect(await app.refused('ForeignOwner')).toBe(`ConfigMap ${namespace}/theirs belongs to ${owner}`);
    expect(textAt(await app.get('v1', 'ConfigMap', 'theirs'), 'data', 'a')).toBe('theirs');
  });

  it('of a field that a controller owns is not taken by a later commit', async () => {
    const noReplicas = deployment('web').replace('  replicas: 1\n', '');
    const app = await lockstep.app('own-hpa', { 'a.yaml': noReplicas });
    await app.ready();
    await lockstep.kube.edit(app.ref('apps/v1', 'Deployment', 'web'), { spec: { replicas: 3 } }, 'autoscaler');
    await sleep(500);
    expect(numberAt(await app.get('apps/v1', 'Deployment', 'web'), 'spec', 'replicas')).toBe(3);
    app.push({ 'a.yaml': deployment('web', { replicas: 1 }) });
    expect(await app.refused('FieldConflict')).toBe(
      'Deployment own-hpa/web: not taken from other managers: spec.replicas (owned by autoscaler)',
    );
    expect(numberAt(await app.get('apps/v1', 'Deployment', 'web'), 'spec', 'replicas')).toBe(3);
  });

  it("shows the API server's own refusal when the service account may not, and touches nothing", async () => {
    const files = { 'a.yaml': configMap('a', { a: '1' }), 'b.yaml': configMap('b', { a: '1' }) };
    const app = await lockstep.app('own-rights', files, {}, 'none');
    const message = await app.refused('Forbidden');
    expect(message).toContain('User "system:serviceaccount:own-rights:lockstep" cannot patch resource "configmaps"');
    expect(message.match(/cannot patch/g)).toHaveLength(2);
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
  });

  it('without the right to watch is told: drift would go unseen', async () => {
    const app = await lockstep.app('own-watch', { 'a.yaml': configMap('a', { a: '1' }) }, {}, [
      'get',
      'patch',
      'create',
    ]);
    expect(await app.refused('Forbidden')).toMatch(/^ConfigMap can't be watched: .*cannot watch resource "configmaps"/);
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeDefined();
  });

  it('without the right to watch is told steadily, also where listing is allowed', async () => {
    const rights = ['get', 'list', 'patch', 'create'];
    const app = await lockstep.app('own-list', { 'a.yaml': configMap('a', { a: '1' }) }, {}, rights);
    expect(await app.refused('Forbidden')).toMatch(/^ConfigMap can't be watched: .*cannot watch resource "configmaps"/);
    const seen = new Set<string | undefined>();
    for (let look = 0; look < 100; look += 1) {
      seen.add(condition(await app.status(), 'Ready')?.reason);
      await sleep(50);
    }
    expect([...seen]).toEqual(['Forbidden']);
    await grant(lockstep.kube, 'own-list', [...rights, 'watch']);
    await app.ready(60_000);
  });

  it('is never claimed by an account that does not exist (T2)', async () => {
    await lockstep.kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'own-account' } });
    const repository = lockstep.git.repository('own-account.git');
    const app = appOf(lockstep, 'own-account', repository);
    app.push({ 'a.yaml': configMap('a', { a: '1' }) });
    const since = Date.now();
    await lockstep.kube.apply(deliveryOf('own-account', 'app', repository.url));
    expect(await app.refused('AccountNotFound')).toBe('the service account own-account/lockstep does not exist');
    expect(app.requests(since).filter((entry) => entry.impersonated !== undefined)).toEqual([]);
  });

  it('ends with the Delivery: its objects go in reverse waves, protected ones and other Deliveries stay', async () => {
    const app = await lockstep.app('own-delete', {
      'a.yaml': configMap('first', { a: '1' }),
      'b.yaml': configMap('last', { a: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
      'c.yaml': configMap('kept', { a: '1' }, '  annotations: {helm.sh/resource-policy: keep}\n'),
    });
    await app.ready();
    const uid = (await app.status()).metadata.uid ?? '';
    const since = Date.now();
    await app.remove();
    expect(
      app
        .writes(since)
        .filter((entry) => entry.verb === 'delete')
        .map((entry) => entry.name),
    ).toEqual(['last', 'first']);
    expect(await app.get('v1', 'ConfigMap', 'kept')).toBeDefined();
    const secrets = await lockstep.kube.http.request({
      method: 'GET',
      path: '/api/v1/namespaces/lockstep-system/secrets',
    });
    const names = objectsAt(secrets.body, 'items').map((secret) => (secret as KubeObject).metadata.name);
    expect(names.filter((name) => name.includes(uid))).toEqual([]);
  });

  it('that was handed to another Delivery by adoption is not deleted with the old one', async () => {
    const old = await lockstep.app('own-old', { 'a.yaml': configMap('moved', { a: '1' }) });
    await old.ready();
    const before = await old.get('v1', 'ConfigMap', 'moved');
    const heir = await lockstep.app(
      'own-new',
      { 'a.yaml': configMap('moved', { a: '1' }, '  namespace: own-old\n') },
      { sync: { adopt: true } },
    );
    await heir.ready();
    await old.remove();
    expect((await old.get('v1', 'ConfigMap', 'moved'))?.metadata.uid).toBe(before?.metadata.uid);
  });

  it('does not hold up a namespace that is being deleted', async () => {
    const app = await lockstep.app('own-ending', { 'a.yaml': configMap('a', { a: '1' }), 'b.yaml': deployment('web') });
    await app.ready();
    const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'own-ending' };
    await lockstep.kube.delete({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      name: 'lockstep-own-ending',
    });
    await lockstep.kube.delete(namespace);
    await gone(lockstep.kube, namespace, 60_000);
  });

  it('of objects elsewhere ends with a word when its namespace, with the account, goes first', async () => {
    await makeNamespace(lockstep.kube, 'own-far', 'none');
    const app = await lockstep.app('own-left', {
      'a.yaml': configMap('far', { a: '1' }, '  namespace: own-far\n'),
    });
    await app.ready();
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      name: 'lockstep-own-left',
    };
    await lockstep.kube.delete(binding);
    const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'own-left' };
    await lockstep.kube.delete(namespace);
    await gone(lockstep.kube, namespace, 60_000);
    const far = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'own-far', name: 'far' };
    expect(await lockstep.kube.get(far)).toBeDefined();
    expect(lockstep.agent.output()).toMatch(/"left":\["ConfigMap own-far\/far"\].*left behind by a Delivery that ends/);
    await lockstep.kube.delete(far);
    const { body } = await lockstep.kube.http.request({ method: 'GET', path: '/api/v1/namespaces/default/events' });
    const told = objectsAt(body, 'items').filter((event) => textAt(event, 'involvedObject', 'name') === 'own-left');
    expect(told).toMatchObject([{ reason: 'LeftBehind', involvedObject: { kind: 'Namespace' } }]);
    expect(textAt(told[0], 'message')).toContain('left behind: ConfigMap own-far/far');
  });

  it('ends for objects whose kind is not served any more', async () => {
    const [definition] = parseYaml(customKind('own.example.com', 'Thing'));
    await lockstep.kube.apply(definition as KubeObject);
    const ref = customKindRef('own.example.com', 'Thing');
    await until('it is served', async () => {
      const live = await lockstep.kube.get(ref);
      return live !== undefined && condition(live, 'Established')?.status === 'True';
    });
    const app = await lockstep.app('own-unserved', {
      'a.yaml': 'apiVersion: own.example.com/v1\nkind: Thing\nmetadata: {name: t}\n',
    });
    await app.ready(30_000);
    await lockstep.kube.delete(ref);
    await gone(lockstep.kube, ref);
    await app.remove(60_000);
  });
});
