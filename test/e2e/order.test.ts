import { expect, it } from 'vitest';
import { configMap, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const lockstep = useLockstep(['order-crd', 'order-namespace', 'order-missing']);

const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.order.example.com, annotations: {lockstep.dev/wave: "3"}}
spec:
  group: order.example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`;
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

  it('touches nothing when a kind is served by nobody, and goes on by itself once it is', async () => {
    const app = await lockstep.app('order-missing', {
      'a.yaml': configMap('a', { a: '1' }),
      'b.yaml': 'apiVersion: missing.example.com/v1\nkind: Gadget\nmetadata: {name: g}\n',
    });
    expect(await app.refused('Blocked')).toContain(
      'Gadget order-missing/g: the API server does not serve Gadget of missing.example.com/v1',
    );
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
  });
});
