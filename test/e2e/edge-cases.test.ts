import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { at, numberAt, textAt } from '../../diff/json.ts';
import { condition } from '../../health/kinds/conditions.ts';
import { parseYaml } from '../../sync/render/yaml.ts';
import type { KubeObject } from '../../sync/types.ts';
import { gone, until } from './support/kube.ts';
import { type App, configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

/** Lines of docs/design/edge-cases.md: F are those on Flux. */
const lockstep = useLockstep([
  'edge-midway',
  'edge-finalizer',
  'edge-leaving',
  'edge-replace',
  'edge-lost',
  'edge-deleted',
  'edge-steady',
  'edge-suspended',
  'edge-versions',
  'edge-moved',
  'edge-ports',
  'edge-names',
  'edge-admission',
  'edge-quiet',
]);

const held = '  finalizers: [test.lockstep.dev/held]\n';
const replacing = '  annotations: {lockstep.dev/replace: allowed}\n';
const letGo = (app: App, name: string) =>
  lockstep.kube.edit(app.ref('v1', 'ConfigMap', name), { metadata: { finalizers: null } });
const healed = async (app: App): Promise<string[]> =>
  (await app.events()).filter(({ reason }) => reason === 'DriftHealed').map(({ message }) => message);

describeOnOwnCluster('it is as it should be that', () => {
  it('an object of the running wave, deleted by somebody, is made again and waited for (18)', async () => {
    const app = await lockstep.app('edge-midway', { 'a.yaml': configMap('a', { a: '1' }) });
    await app.ready();
    app.push({ 'web.yaml': deployment('web', { pod: { 'ready-after': '4s' } }) });
    const first = await until('it is there', () => app.get('apps/v1', 'Deployment', 'web'));
    await lockstep.kube.delete(app.ref('apps/v1', 'Deployment', 'web'));
    await app.ready(60_000);
    expect((await app.get('apps/v1', 'Deployment', 'web'))?.metadata.uid).not.toBe(first.metadata.uid);
  });

  it('what is pruned and held by a finalizer is deleted once, keeps what comes before it, and is named (19)', async () => {
    const second = configMap('second', { b: '1' }, `${held}  annotations: {lockstep.dev/wave: "2"}\n`);
    const app = await lockstep.app('edge-finalizer', {
      'a.yaml': configMap('stays', { a: '1' }),
      'b.yaml': configMap('first', { a: '1' }),
      'c.yaml': second,
      'd.yaml': configMap('also', { a: '1' }),
    });
    await app.ready();
    const since = Date.now();
    app.push({ 'b.yaml': null, 'c.yaml': null });
    await until('the status names the finalizer', async () =>
      JSON.stringify(at(await app.status(), 'status')).includes(
        'ConfigMap edge-finalizer/second is being deleted, held by test.lockstep.dev/held',
      ),
    );
    await sleep(2_500);
    expect(await app.get('v1', 'ConfigMap', 'first')).toBeDefined();
    const deletes = () => app.writes(since).flatMap(({ verb, name }) => (verb === 'delete' ? [name] : []));
    expect(deletes()).toEqual(['second']);
    await letGo(app, 'second');
    await app.ready(30_000);
    expect(deletes()).toEqual(['second', 'first']);
  });

  it('an object on its way out is waited for by name, and made again (F2.3)', async () => {
    const app = await lockstep.app('edge-leaving', { 'a.yaml': configMap('a', { a: '1' }, held) });
    await app.ready();
    const before = await app.get('v1', 'ConfigMap', 'a');
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'a'));
    app.push({ 'a.yaml': configMap('a', { a: '2' }, held) });
    await until('the status says what is waited for', async () =>
      JSON.stringify(at(await app.status(), 'status')).includes(
        'ConfigMap edge-leaving/a is being deleted, held by test.lockstep.dev/held',
      ),
    );
    await letGo(app, 'a');
    await app.ready(40_000);
    const after = await app.get('v1', 'ConfigMap', 'a');
    expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
    expect(textAt(after, 'data', 'a')).toBe('2');
    await lockstep.kube.edit(app.ref('v1', 'ConfigMap', 'a'), { metadata: { finalizers: null } });
  });

  it('what can not be changed is replaced where that is allowed: a roleRef, an immutable ConfigMap, the template of a Job (24, F24.2, F25.2)', async () => {
    const binding = (role: string): string =>
      `apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: b\n${replacing}roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${role}}\nsubjects: [{kind: ServiceAccount, name: default}]\n`;
    const map = (value: string): string => `${configMap('sealed', { a: value }, replacing)}immutable: true\n`;
    const job = (image: string): string =>
      `apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: j\n${replacing}spec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: main, image: "${image}"}]\n`;
    const app = await lockstep.app('edge-replace', {
      'b.yaml': binding('view'),
      'm.yaml': map('1'),
      'j.yaml': job('job:1'),
    });
    await app.ready(40_000);
    app.push({ 'b.yaml': binding('edit'), 'm.yaml': map('2'), 'j.yaml': job('job:2') });
    const status = await app.ready(60_000);
    expect(at(status, 'status', 'actions')).toMatchObject({ replace: 3 });
    const role = await app.get('rbac.authorization.k8s.io/v1', 'RoleBinding', 'b');
    expect(textAt(role, 'roleRef', 'name')).toBe('edit');
    expect(textAt(await app.get('v1', 'ConfigMap', 'sealed'), 'data', 'a')).toBe('2');
    expect(numberAt(await app.get('batch/v1', 'Job', 'j'), 'status', 'succeeded')).toBe(1);
  });

  it('with selfHeal off a release brings back what is missing, once (27.2)', async () => {
    const app = await lockstep.app(
      'edge-lost',
      { 'a.yaml': configMap('a', { a: '1' }), 'b.yaml': configMap('b', { b: '1' }) },
      { sync: { selfHeal: false } },
    );
    await app.ready();
    await lockstep.kube.delete(app.ref('v1', 'ConfigMap', 'a'));
    await sleep(1_200);
    expect(await app.get('v1', 'ConfigMap', 'a')).toBeUndefined();
    app.push({ 'b.yaml': configMap('b', { b: '2' }) });
    await until('it is there again', () => app.get('v1', 'ConfigMap', 'a'));
    await app.ready();
  });

  it('a Delivery that is deleted in the middle of a release goes, with what that had made (33.2)', async () => {
    const app = await lockstep.app('edge-deleted', {
      'a.yaml': deployment('web', { pod: { pod: 'never-ready' } }),
      'b.yaml': configMap('late', { b: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
    });
    await until('it waits', () => app.get('apps/v1', 'Deployment', 'web'));
    await lockstep.kube.delete(app.delivery);
    await gone(lockstep.kube, app.delivery, 30_000);
    expect(await app.get('apps/v1', 'Deployment', 'web')).toBeUndefined();
    expect(await app.get('v1', 'ConfigMap', 'late')).toBeUndefined();
  });

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
    const custom = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tools.steady.example.com}
spec:
  group: steady.example.com
  scope: Namespaced
  names: {plural: tools, kind: Tool}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, properties: {size: {type: integer, default: 3}, port: {x-kubernetes-int-or-string: true}}}}
---
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
    await kube.delete({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      name: 'tools.steady.example.com',
    });
    await kube.delete({ ...policy, kind: 'MutatingAdmissionPolicyBinding' });
    await kube.delete(policy);
  });

  it('what is suspended lets the next wave begin (F6.1)', async () => {
    const app = await lockstep.app('edge-suspended', {
      'a.yaml': deployment('web', { replicas: 0 }).replace('spec:\n', 'spec:\n  paused: true\n'),
      'b.yaml':
        'apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec:\n  suspend: true\n  schedule: "0 0 1 1 *"\n  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: "m:1"}]}}}}\n',
      'c.yaml': configMap('late', { b: '1' }, '  annotations: {lockstep.dev/wave: "1"}\n'),
    });
    const status = await app.ready(30_000);
    expect(condition(status, 'Healthy')).toMatchObject({ reason: 'Suspended' });
    expect(await app.get('v1', 'ConfigMap', 'late')).toBeDefined();
  });

  it('a version that is not served any more keeps nothing from being pruned (F11.5)', async () => {
    const definition = (served: boolean): KubeObject =>
      parseYaml(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.edge.example.com}
spec:
  group: edge.example.com
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing}
  versions:
    - {name: v1beta1, served: ${served}, storage: false, schema: {openAPIV3Schema: {type: object}}}
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
`)[0] as KubeObject;
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
    await lockstep.kube.delete({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      name: 'things.edge.example.com',
    });
  });

  it('who owns what may be written down in a version that is gone: that is mended (F20)', async () => {
    const version = (name: string, storage: boolean): string =>
      `    - {name: ${name}, served: true, storage: ${storage}, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {a: {type: string}}}}}}}\n`;
    const name = 'gadgets.edge.example.com';
    const definition = (...versions: string[]): KubeObject =>
      parseYaml(
        `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: ${name}}\nspec:\n  group: edge.example.com\n  scope: Namespaced\n  names: {plural: gadgets, singular: gadget, kind: Gadget}\n  versions:\n${versions.join('')}`,
      )[0] as KubeObject;
    const { kube } = lockstep;
    const ref = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name };
    const patch = (path: string, body: object) =>
      kube.http.request({
        method: 'PATCH',
        path,
        contentType: 'application/merge-patch+json',
        body: JSON.stringify(body),
      });
    const become = async (...versions: string[]): Promise<void> => {
      await kube.edit(ref, { spec: { versions: at(definition(...versions), 'spec', 'versions') } });
      await sleep(1_500);
    };
    await kube.apply(definition(version('v1beta1', true)));
    const gadget = (of: string, a: string): string =>
      `apiVersion: edge.example.com/${of}\nkind: Gadget\nmetadata: {name: g}\nspec: {a: "${a}"}\n`;
    const app = await lockstep.app('edge-moved', { 'g.yaml': gadget('v1beta1', '1') });
    await app.ready(30_000);
    await become(version('v1beta1', false), version('v1', true));
    const path = `/apis/edge.example.com/v1/namespaces/${app.namespace}/gadgets/g`;
    // What is stored is migrated, as operators do it, and the old version goes.
    await patch(path, { metadata: { annotations: { migrated: 'yes' } } });
    await patch(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}/status`, {
      status: { storedVersions: ['v1'] },
    });
    await become(version('v1', true));
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

  it('a status that it writes itself asks for no turn (32.1)', async () => {
    const app = await lockstep.app(
      'edge-quiet',
      { 'a.yaml': configMap('a', { a: '1' }) },
      { source: { interval: '1h' } },
    );
    await app.ready();
    const turns = (): number =>
      lockstep.agent
        .output()
        .split('\n')
        .filter((line) => line.includes('"delivery":"edge-quiet/app"') && line.includes('a turn ended')).length;
    await sleep(500);
    const before = turns();
    await sleep(3_000);
    expect(turns()).toBe(before);
    expect(before).toBeGreaterThan(0);
  });
});
