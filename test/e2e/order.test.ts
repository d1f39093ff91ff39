import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { parseYaml } from '../../sync/render/yaml.ts';
import type { KubeObject } from '../../sync/types.ts';
import { makeNamespace } from './support/furnish.ts';
import { until } from './support/kube.ts';
import { configMap, customKind, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep([
  'order-crd',
  'order-namespace',
  'order-missing',
  'order-awaited',
  'order-scope',
  'order-helm',
  'order-claim',
  'order-depends',
  'order-circle',
  'order-rights',
  'order-schema',
  'order-reverse',
]);

const crd = customKind('order.example.com', 'Widget', [
  { schema: '{type: object, x-kubernetes-preserve-unknown-fields: true}' },
]).replace('.com}', '.com, annotations: {lockstep.dev/wave: "3"}}');
const widget =
  'apiVersion: order.example.com/v1\nkind: Widget\nmetadata: {name: first}\nspec: {size: 9007199254740993}\n';

describeOnOwnCluster('order', () => {
  it('applies a CRD and its object in one commit, the CRD first whatever its wave says', async () => {
    const since = Date.now();
    const app = await lockstep.app('order-crd', { 'a-widget.yaml': widget, 'b-crd.yaml': crd });
    await app.ready();
    expect(await app.get('order.example.com/v1', 'Widget', 'first')).toMatchObject({
      spec: { size: 9007199254740993n },
    });
    const names = [
      ...new Set(
        app
          .writes(since)
          .filter((entry) => entry.status < 300)
          .map((entry) => entry.name),
      ),
    ];
    expect(names).toEqual(['widgets.order.example.com', 'first']);
  });

  it('applies a namespace and its content in one commit', async () => {
    const inner =
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: order-inner, annotations: {lockstep.dev/wave: "5"}}\n';
    const since = Date.now();
    const app = await lockstep.app('order-namespace', {
      'a.yaml': configMap('inside', { a: '1' }, '  namespace: order-inner\n'),
      'z.yaml': inner,
    });
    await app.ready();
    expect(
      await lockstep.kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'order-inner', name: 'inside' }),
    ).toBeDefined();
    const names = app
      .writes(since)
      .filter((entry) => entry.status < 300)
      .map((entry) => entry.name);
    expect(names.indexOf('order-inner')).toBeLessThan(names.indexOf('inside'));
  });

  it('touches nothing when a kind is served by nobody, and says so', async () => {
    const app = await lockstep.app('order-missing', {
      'a.yaml': configMap('a', { a: '1' }),
      'b.yaml': 'apiVersion: missing.example.com/v1\nkind: Gadget\nmetadata: {name: g}\n',
    });
    expect(await app.refused('KindNotServed')).toContain(
      'Gadget order-missing/g: the API server does not serve Gadget of missing.example.com/v1',
    );
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
  });

  it('goes on by itself when somebody installs the kind', async () => {
    const app = await lockstep.app('order-awaited', {
      'a.yaml': 'apiVersion: order.example.com/v1\nkind: Sprocket\nmetadata: {name: s}\n',
    });
    await app.refused('KindNotServed');
    const [definition] = parseYaml(crd.replaceAll('widget', 'sprocket').replaceAll('Widget', 'Sprocket'));
    await lockstep.kube.apply(definition as KubeObject);
    await app.ready(45_000);
    expect(await app.get('order.example.com/v1', 'Sprocket', 's')).toBeDefined();
  });

  it('knows the scope of a kind that was installed after the agent started: nothing is deleted by a wrong name', async () => {
    const cluster = crd
      .replaceAll('widget', 'gizmo')
      .replaceAll('Widget', 'Gizmo')
      .replace('scope: Namespaced', 'scope: Cluster');
    const gizmo = (size: number) =>
      `apiVersion: order.example.com/v1\nkind: Gizmo\nmetadata: {name: big}\nspec: {size: ${size}}\n`;
    const app = await lockstep.app('order-scope', { 'a.yaml': gizmo(1) });
    expect(await app.refused('KindNotServed')).toContain('does not serve Gizmo');
    const [definition] = parseYaml(cluster);
    await lockstep.kube.apply(definition as KubeObject);
    await app.request('sync@1');
    const ref = { apiVersion: 'order.example.com/v1', kind: 'Gizmo', name: 'big' };
    await until('it is asked for again until it is served', async () => {
      const id = Date.now();
      await app.request(`sync@${id}`);
      await sleep(500);
      return lockstep.kube.get(ref);
    });
    await app.ready(30_000);
    const before = await lockstep.kube.get(ref);
    app.push({ 'a.yaml': gizmo(2) });
    await app.ready(30_000);
    expect((await lockstep.kube.get(ref))?.metadata.uid).toBe(before?.metadata.uid);
  });

  it('looks at the owner of what could not be tried before its namespace was there', async () => {
    await makeNamespace(lockstep.kube, 'order-taken');
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'helms', namespace: 'order-taken', annotations: { 'meta.helm.sh/release-name': 'shop' } },
      data: { a: 'helm' },
    };
    await lockstep.kube.apply(map, 'helm');
    const app = await lockstep.app('order-helm', {
      'a.yaml': configMap('helms', { a: 'git' }, '  namespace: order-taken\n'),
      'ns.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: order-taken}\n',
    });
    expect(await app.refused('ForeignOwner')).toBe('ConfigMap order-taken/helms belongs to the Helm release shop');
  });

  it('goes past a claim that waits for its first pod', async () => {
    const storage = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'order-late' },
      provisioner: 'example.com/none',
      volumeBindingMode: 'WaitForFirstConsumer',
    };
    await lockstep.kube.apply(storage as unknown as KubeObject);
    const app = await lockstep.app('order-claim', {
      'a.yaml':
        'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {storageClassName: order-late, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n',
      'b.yaml': configMap('after', { a: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
    });
    await app.ready(30_000);
    expect(await app.get('v1', 'ConfigMap', 'after')).toBeDefined();
  });

  it('applies what depends on something by name only once that is healthy', async () => {
    const since = Date.now();
    const needs = 'annotations: {config.kubernetes.io/depends-on: "apps/namespaces/order-depends/Deployment/slow"}';
    const app = await lockstep.app('order-depends', {
      'a.yaml': configMap('after', { a: '1' }, `  ${needs}\n`),
      'b.yaml': deployment('slow', { pod: { 'ready-after': '1500ms' } }),
      'c.yaml': configMap('free', { a: '1' }),
    });
    expect(await app.refused('Progressing')).toContain(
      'ConfigMap order-depends/after waits for Deployment order-depends/slow',
    );
    await app.ready(40_000);
    const times = new Map(app.writes(since).map((entry) => [entry.name, entry.time]));
    expect((times.get('after') ?? 0) - (times.get('slow') ?? 0)).toBeGreaterThanOrEqual(1_400);
    expect(times.get('free') ?? 0).toBeLessThanOrEqual(times.get('slow') ?? 0);
  });

  it('names a circle, and touches nothing', async () => {
    const needs = (name: string): string =>
      `  annotations: {config.kubernetes.io/depends-on: "/namespaces/order-circle/ConfigMap/${name}"}\n`;
    const app = await lockstep.app('order-circle', {
      'a.yaml': configMap('a', { a: '1' }, needs('b')),
      'b.yaml': configMap('b', { a: '1' }, needs('a')),
    });
    expect(await app.refused('InvalidManifests')).toContain(
      'depends on itself: ConfigMap order-circle/a → ConfigMap order-circle/b → ConfigMap order-circle/a',
    );
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
  });

  it('defers what can not be tried yet: a binding of a role, and a pod of an account, of the same commit', async () => {
    const rules = 'rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]\n';
    const meta = (name: string): string => `metadata: {name: ${name}}\n`;
    const group = 'rbac.authorization.k8s.io';
    await makeNamespace(lockstep.kube, 'order-rights', 'none');
    // A tenant who may bind what he may do himself, and no more.
    const may = [
      {
        apiGroups: ['', 'apps', group],
        resources: ['*'],
        verbs: ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete'],
      },
    ];
    const namespace = 'order-rights';
    await lockstep.kube.apply({
      apiVersion: `${group}/v1`,
      kind: 'Role',
      metadata: { name: 'tenant', namespace },
      rules: may,
    });
    await lockstep.kube.apply({
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'tenant', namespace },
      roleRef: { apiGroup: group, kind: 'Role', name: 'tenant' },
      subjects: [{ kind: 'ServiceAccount', name: 'lockstep', namespace }],
    });
    const app = await lockstep.app(
      namespace,
      {
        'binding.yaml': `apiVersion: ${group}/v1\nkind: RoleBinding\n${meta('reads')}roleRef: {apiGroup: ${group}, kind: Role, name: reads}\nsubjects: [{kind: ServiceAccount, name: worker, namespace: ${namespace}}]\n`,
        'pod.yaml': `apiVersion: v1\nkind: Pod\n${meta('worker')}spec: {serviceAccountName: worker, containers: [{name: main, image: "app:1"}]}\n`,
        'role.yaml': `apiVersion: ${group}/v1\nkind: Role\n${meta('reads')}${rules}`,
        'worker.yaml': `apiVersion: v1\nkind: ServiceAccount\n${meta('worker')}`,
      },
      {},
      'none',
    );
    await app.ready(40_000);
    expect(await app.get('v1', 'Pod', 'worker')).toBeDefined();
  });

  it('applies a newer schema before the object that uses it', async () => {
    const typed = (fields: string): string =>
      crd
        .replaceAll('widget', 'dial')
        .replaceAll('Widget', 'Dial')
        .replace(
          '{type: object, x-kubernetes-preserve-unknown-fields: true}',
          `{type: object, properties: {spec: {type: object, properties: {${fields}}}}}`,
        );
    const dial = (spec: string): string =>
      `apiVersion: order.example.com/v1\nkind: Dial\nmetadata: {name: d}\nspec: {${spec}}\n`;
    const app = await lockstep.app('order-schema', {
      'crd.yaml': typed('size: {type: integer}'),
      'd.yaml': dial('size: 1'),
    });
    await app.ready(30_000);
    app.push({
      'crd.yaml': typed('size: {type: integer}, color: {type: string}'),
      'd.yaml': dial('size: 1, color: red'),
    });
    await app.ready(40_000);
    expect(await app.get('order.example.com/v1', 'Dial', 'd')).toMatchObject({ spec: { color: 'red' } });
  });

  it('deletes in reverse: what depends on something goes before it', async () => {
    const app = await lockstep.app('order-reverse', {
      'a.yaml': configMap('base', { a: '1' }),
      'b.yaml': configMap(
        'user',
        { a: '1' },
        '  annotations: {config.kubernetes.io/depends-on: "/namespaces/order-reverse/ConfigMap/base"}\n',
      ),
    });
    await app.ready();
    const since = Date.now();
    await app.remove();
    const deletes = app.writes(since).filter(({ verb }) => verb === 'delete');
    expect(deletes.map(({ name }) => name)).toEqual(['user', 'base']);
  });
});
