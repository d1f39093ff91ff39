import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { at, textAt } from '../../../diff/json.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { until } from '../support/kube.ts';
import {
  type App,
  configMap,
  customKind,
  customKindRef,
  describeOnOwnCluster,
  useLockstep,
} from '../support/lockstep.ts';
import type { KindVersion } from '../support/manifests.ts';

/** Lines of docs/design/edge-cases.md: F are those on Flux. */
const lockstep = useLockstep(['edge-moved', 'edge-names', 'edge-ports', 'edge-steady', 'edge-versions']);

const healed = async (app: App): Promise<string[]> =>
  (await app.events()).filter(({ reason }) => reason === 'DriftHealed').map(({ message }) => message);

describeOnOwnCluster('of objects it is as it should be that', () => {
  it('empty and aggregated rules, defaults of a custom kind, a certificate that is injected, and what admission rewrites are no drift (49.2, F21.5, F21.6)', async () => {
    const { kube } = lockstep;
    const policy = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingAdmissionPolicy',
      name: 'edge-steady',
    };
    await kube.apply({
      apiVersion: policy.apiVersion,
      kind: policy.kind,
      metadata: { name: policy.name },
      spec: {
        matchConstraints: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'edge-steady' } },
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] },
          ],
        },
        reinvocationPolicy: 'Never',
        failurePolicy: 'Fail',
        mutations: [
          {
            patchType: 'JSONPatch',
            jsonPatch: {
              expression: `[JSONPatch{op: "replace", path: "/data/rules", value: object.data.rules.upperAscii()}, JSONPatch{op: "add", path: "/data/added", value: "by admission"}]`,
            },
          },
        ],
      },
    } as never);
    await kube.apply({
      apiVersion: policy.apiVersion,
      kind: 'MutatingAdmissionPolicyBinding',
      metadata: { name: policy.name },
      spec: { policyName: policy.name },
    } as never);
    await sleep(1_500);
    const webhook = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: edge-steady}
webhooks:
  - name: one.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    namespaceSelector: {matchLabels: {no: body}}
    rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothings]}]
    clientConfig: {url: "https://one.example.com/"}
`;
    const roleNamed = (name: string, rules: string): string =>
      `apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: ${name}}\nrules: ${rules}\n`;
    const aggregated = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: edge-steady}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {edge-steady: "yes"}}]}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: edge-steady-part, labels: {edge-steady: "yes"}}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`;
    const schema =
      '{type: object, properties: {spec: {type: object, properties: {size: {type: integer, default: 3}, port: {x-kubernetes-int-or-string: true}}}}}';
    const custom = `${customKind('steady.example.com', 'Tool', [{ schema }])}---
apiVersion: steady.example.com/v1
kind: Tool
metadata: {name: t}
spec: {port: "80"}
`;
    const app = await lockstep.app('edge-steady', {
      'role.yaml': aggregated,
      'custom.yaml': custom,
      'a.yaml': configMap('a', { rules: 'rewritten' }),
      'w.yaml': webhook,
      'r.yaml': [roleNamed('none', '[]'), roleNamed('nothing', 'null')].join('---\n'),
    });
    await app.ready();
    expect(at(await app.get('v1', 'ConfigMap', 'a'), 'data')).toEqual({ rules: 'REWRITTEN', added: 'by admission' });
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'edge-steady' };
    await until('its rules are filled in', async () => JSON.stringify(await kube.get(role)).includes('"pods"'));
    expect(at(await app.get('steady.example.com/v1', 'Tool', 't'), 'spec')).toEqual({ size: 3, port: '80' });
    const since = Date.now();
    const ref = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      name: 'edge-steady',
    };
    const [hook] = at(await kube.get(ref), 'webhooks') as KubeObject[];
    const injected = { url: 'https://one.example.com/', caBundle: 'LS0t' };
    await kube.edit(ref, { webhooks: [{ ...hook, clientConfig: injected }] }, 'cainjector');
    await lockstep.restart();
    await sleep(2_000);
    expect(app.writes(since).filter(({ impersonated }) => impersonated !== undefined)).toEqual([]);
    expect(await healed(app)).toEqual([]);
    expect(textAt((at(await kube.get(ref), 'webhooks') as KubeObject[])[0], 'clientConfig', 'caBundle')).toBe('LS0t');
    await app.remove();
    await kube.delete(customKindRef('steady.example.com', 'Tool'));
    await kube.delete({ ...policy, kind: 'MutatingAdmissionPolicyBinding' });
    await kube.delete(policy);
  });

  it('a version that is not served any more keeps nothing from being pruned (F11.5)', async () => {
    const definition = (served: boolean): KubeObject =>
      parseYaml(
        customKind('edge.example.com', 'Thing', [{ name: 'v1beta1', served, storage: false }, {}]),
      )[0] as KubeObject;
    await lockstep.kube.apply(definition(true));
    const app = await lockstep.app('edge-versions', {
      'a.yaml': configMap('a', { a: '1' }),
      't.yaml': 'apiVersion: edge.example.com/v1beta1\nkind: Thing\nmetadata: {name: t}\n',
    });
    await app.ready(30_000);
    await lockstep.kube.apply(definition(false));
    await sleep(1_500);
    app.push({ 't.yaml': null });
    await app.ready(40_000);
    expect(await app.get('edge.example.com/v1', 'Thing', 't')).toBeUndefined();
    await lockstep.kube.delete(customKindRef('edge.example.com', 'Thing'));
  });

  it('who owns what may be written down in a version that is gone: that is mended (F20)', async () => {
    const schema = '{type: object, properties: {spec: {type: object, properties: {a: {type: string}}}}}';
    const definition = (...versions: KindVersion[]): KubeObject =>
      parseYaml(
        customKind(
          'edge.example.com',
          'Gadget',
          versions.map((version) => ({ ...version, schema })),
        ),
      )[0] as KubeObject;
    const { kube } = lockstep;
    const ref = customKindRef('edge.example.com', 'Gadget');
    const patch = (path: string, body: object) =>
      kube.http.request({
        method: 'PATCH',
        path,
        contentType: 'application/merge-patch+json',
        body: JSON.stringify(body),
      });
    const become = async (...versions: KindVersion[]): Promise<void> => {
      await kube.edit(ref, { spec: { versions: at(definition(...versions), 'spec', 'versions') } });
      await sleep(1_500);
    };
    await kube.apply(definition({ name: 'v1beta1' }));
    const gadget = (of: string, a: string): string =>
      `apiVersion: edge.example.com/${of}\nkind: Gadget\nmetadata: {name: g}\nspec: {a: "${a}"}\n`;
    const app = await lockstep.app('edge-moved', { 'g.yaml': gadget('v1beta1', '1') });
    await app.ready(30_000);
    await become({ name: 'v1beta1', storage: false }, {});
    const path = `/apis/edge.example.com/v1/namespaces/${app.namespace}/gadgets/g`;
    // What is stored is migrated, as operators do it, and the old version goes.
    await patch(path, { metadata: { annotations: { migrated: 'yes' } } });
    await patch(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${ref.name}/status`, {
      status: { storedVersions: ['v1'] },
    });
    await become({});
    const before = (await kube.http.request({ method: 'GET', path })).body as KubeObject;
    app.push({ 'g.yaml': gadget('v1', '2') });
    await app.ready(30_000);
    const after = (await kube.http.request({ method: 'GET', path })).body as KubeObject;
    expect(textAt(after, 'spec', 'a')).toBe('2');
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(JSON.stringify(after.metadata['managedFields'])).not.toContain('v1beta1');
    await app.remove();
    await kube.delete(ref);
  });

  it('a port that another manager keeps under the same name is refused with its name (F18.2)', async () => {
    const service = (port: number): string =>
      `apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  selector: {app: web}\n  ports: [{name: http, port: ${port}, targetPort: 8080}]\n`;
    const app = await lockstep.app('edge-ports', { 's.yaml': service(80) });
    await app.ready();
    const [made] = parseYaml(service(80)) as KubeObject[];
    const namespaced = { ...made, metadata: { name: 's', namespace: app.namespace } } as KubeObject;
    await lockstep.kube.apply(namespaced, 'mesh');
    app.push({ 's.yaml': service(81) });
    expect(await app.refused('ApplyRefused')).toMatch(
      /spec\.ports.*Duplicate value: "http".*\(spec\.ports\[80\/TCP\] is kept by mesh\)/,
    );
    // What a person does with kubectl keeps nothing.
    app.push({ 's.yaml': service(80) });
    await app.ready();
    await lockstep.kube.edit(app.ref('v1', 'Service', 's'), { metadata: { managedFields: [{}] } });
    await lockstep.kube.apply(namespaced, 'kubectl');
    await sleep(1_000);
    app.push({ 's.yaml': service(82) });
    await app.ready(30_000);
  });

  it('names with colons and underscores are names like all others (F14.1, F14.2)', async () => {
    const role = (name: string, verb: string): string =>
      `apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: "${name}"}\nrules: [{apiGroups: [""], resources: [pods], verbs: [${verb}]}]\n`;
    const app = await lockstep.app('edge-names', {
      'a.yaml': configMap('a', { a: '1' }),
      'b.yaml': [role('edge:a_b:c', 'get'), role('edge_a:b_c', 'get')].join('---\n'),
    });
    await app.ready();
    app.push({ 'b.yaml': role('edge:a_b:c', 'list') });
    await app.ready();
    const get = (name: string) =>
      lockstep.kube.get({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name });
    expect(await get('edge_a:b_c')).toBeUndefined();
    const kept = await get('edge:a_b:c');
    expect(JSON.stringify(kept?.['rules'])).toContain('list');
    await app.remove();
    expect(await get('edge:a_b:c')).toBeUndefined();
  });
});
