import { describe, expect, it } from 'vitest';
import { objectsAt, textAt } from '../../../diff/json.ts';
import { until } from '../support/kube.ts';
import { type App, configMap, deployment, useLockstep } from '../support/lockstep.ts';

const names = [
  'engine-kustomize',
  'engine-over',
  'engine-helm',
  'engine-random',
  'engine-crds',
  'engine-bad',
  'engine-elsewhere',
];
const lockstep = useLockstep(names);
const dataOf = async (app: App, name: string, key: string): Promise<string | undefined> =>
  textAt(await app.get('v1', 'ConfigMap', name), 'data', key);
const renders = (app: App): number =>
  lockstep.agent
    .output()
    .split('\n')
    .filter((line) => line.includes('the engine has rendered') && line.includes(`"${app.namespace}/app"`)).length;

describe('a kustomization', () => {
  const files = {
    'base/kustomization.yaml':
      'resources: [web.yaml]\nconfigMapGenerator: [{name: settings, literals: [color=blue]}]\n',
    'base/web.yaml': deployment('web').replace('spec:\n', 'spec:\n'),
    'prod/kustomization.yaml': 'resources: [../base]\nnamePrefix: prod-\nreplicas: [{name: web, count: 2}]\n',
    'README.md': 'one',
  };

  it('is delivered with its bases; what is not looked at by it costs no render', async () => {
    const app = await lockstep.app('engine-kustomize', files, { source: { path: 'prod' } });
    await app.ready();
    const web = await app.get('apps/v1', 'Deployment', 'prod-web');
    expect(web?.['spec']).toMatchObject({ replicas: 2 });
    const before = renders(app);
    app.push({ 'README.md': 'two', 'other/a.yaml': configMap('other', { a: '1' }) });
    await app.ready();
    expect(renders(app)).toBe(before);
    app.push({ 'base/kustomization.yaml': files['base/kustomization.yaml'].replace('blue', 'red') });
    await app.ready();
    expect(renders(app)).toBe(before + 1);
    const maps = await until('the new ConfigMap alone is left', async () => {
      const { body } = await lockstep.kube.http.request({
        method: 'GET',
        path: '/api/v1/namespaces/engine-kustomize/configmaps',
      });
      const own = objectsAt(body, 'items').filter((one) =>
        textAt(one, 'metadata', 'name')?.startsWith('prod-settings'),
      );
      return own.length === 1 ? own : undefined;
    });
    expect(textAt(maps[0], 'data', 'color')).toBe('red');
    await app.remove();
  });

  it('may be laid over by the Delivery, as plain manifests may', async () => {
    const kustomize = {
      namePrefix: 'a-',
      labels: { team: 'x' },
      patches: [{ patch: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {more: "yes"}\n' }],
    };
    const app = await lockstep.app(
      'engine-over',
      { 'm.yaml': configMap('m', { color: 'blue' }) },
      { render: { kustomize } },
    );
    await app.ready();
    const made = await app.get('v1', 'ConfigMap', 'a-m');
    expect(made?.['data']).toEqual({ color: 'blue', more: 'yes' });
    expect(textAt(made, 'metadata', 'labels', 'team')).toBe('x');
    await app.remove();
  });

  it('that can not be built is held, says why, and changes nothing', async () => {
    const app = await lockstep.app('engine-bad', files, { source: { path: 'prod' } });
    await app.ready();
    const since = Date.now();
    app.push({ 'prod/kustomization.yaml': 'resources: [../base, ../gone]\n' });
    expect(await app.refused('InvalidManifests')).toMatch(/can not be rendered: .*gone/);
    expect(app.writes(since)).toEqual([]);
    app.push({ 'prod/kustomization.yaml': files['prod/kustomization.yaml'] });
    await app.ready();
    await app.remove();
  });
});

describe('a chart', () => {
  const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-m}\ndata:\n';
  const files = {
    'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
    'app/values.yaml': 'color: blue\nsize: s\n',
    'app/templates/m.yaml': `${map}  color: {{ .Values.color }}\n  size: {{ .Values.size }}\n  kube: {{ .Capabilities.KubeVersion.Version }}\n  apps: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}\n`,
    'app/templates/NOTES.txt': 'hello',
    'app/templates/hook.yaml':
      'apiVersion: batch/v1\nkind: Job\nmetadata: {name: first, annotations: {helm.sh/hook: "pre-install,pre-upgrade"}}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}\n',
    'app/templates/test.yaml':
      'apiVersion: v1\nkind: Pod\nmetadata: {name: test, annotations: {helm.sh/hook: test}}\nspec: {containers: [{name: c, image: i}]}\n',
    'prod.yaml': 'size: l\n',
  };

  it('is delivered with its values, its hooks, and the versions of the cluster; its tests are not', async () => {
    const helm = { valuesFiles: ['/prod.yaml'], values: { color: 'red' } };
    const app = await lockstep.app('engine-helm', files, { source: { path: 'app' }, render: { helm } });
    await app.ready(60_000);
    expect(await dataOf(app, 'app-m', 'color')).toBe('red');
    expect(await dataOf(app, 'app-m', 'size')).toBe('l');
    expect(await dataOf(app, 'app-m', 'kube')).toBe('v1.36.3');
    expect(await dataOf(app, 'app-m', 'apps')).toBe('true');
    expect(app.writes(0).some(({ resource, verb }) => resource === 'jobs' && verb !== 'delete')).toBe(true);
    expect(await app.get('v1', 'Pod', 'test')).toBeUndefined();
    app.push({ 'prod.yaml': 'size: xl\n' });
    await app.ready(60_000);
    expect(await dataOf(app, 'app-m', 'size')).toBe('xl');
    await app.remove();
  });

  it('brings the kinds of its folder crds before what is of them', async () => {
    const group = 'engine.example.com';
    const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: brakes.${group}}
spec:
  group: ${group}
  scope: Namespaced
  names: {kind: Brake, plural: brakes}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`;
    const brake = `apiVersion: ${group}/v1\nkind: Brake\nmetadata: {name: b}\nspec: {held: true}\n`;
    const chart = { 'Chart.yaml': files['app/Chart.yaml'], 'crds/brake.yaml': crd, 'templates/b.yaml': brake };
    const app = await lockstep.app('engine-crds', chart);
    await app.ready(60_000);
    expect((await app.get(`${group}/v1`, 'Brake', 'b'))?.['spec']).toEqual({ held: true });
    await app.remove();
    await lockstep.kube.delete({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      name: `brakes.${group}`,
      namespace: '',
    });
  });

  // L9 of the vectors.
  it('that makes up something new with each render is rendered once for what concerns it', async () => {
    const random = { ...files, 'app/templates/m.yaml': `${map}  word: {{ randAlphaNum 12 }}x\n` };
    const app = await lockstep.app('engine-random', random, { source: { path: 'app' } });
    await app.ready(60_000);
    const [word, before] = [await dataOf(app, 'app-m', 'word'), renders(app)];
    expect(word).toMatch(/^[A-Za-z0-9]{12}x$/);
    app.push({ 'README.md': 'two' });
    await app.ready();
    expect([await dataOf(app, 'app-m', 'word'), renders(app)]).toEqual([word, before]);
    app.push({ 'app/values.yaml': 'color: red\n' });
    await app.ready(60_000);
    expect(await dataOf(app, 'app-m', 'word')).not.toBe(word);
    await app.remove();
  });
});
