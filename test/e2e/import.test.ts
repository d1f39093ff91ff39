import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Json, type JsonObject, objectsAt, textAt, toJson } from '../../diff/json.ts';
import { parseYaml } from '../../sync/render/yaml.ts';
import type { KubeObject } from '../../sync/types.ts';
import { readAudit } from './support/audit.ts';
import { lockstepBeside } from './support/cli.ts';
import { serveApplications, serveFlux } from './support/foreign-kinds.ts';
import { deliveryRef, makeNamespace } from './support/furnish.ts';
import { until } from './support/kube.ts';
import { configMap, deployment, describeOnOwnCluster, useLockstep } from './support/lockstep.ts';

const names = ['import-argo', 'import-flux', 'import-helm', 'import-set'];
const lockstep = useLockstep(names);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-import-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const chart = {
  'Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.0.0\n',
  'templates/web.yaml': deployment('web'),
  'templates/map.yaml': configMap('settings', { color: 'blue' }),
};
const files = {
  'deploy/web.yaml': deployment('web'),
  'deploy/map.yaml': configMap('settings', { color: 'blue' }),
  ...Object.fromEntries(Object.entries(chart).map(([path, text]) => [`chart/${path}`, text])),
};
const manifests = () =>
  [deployment('web'), configMap('settings', { color: 'blue' })].flatMap((text) => parseYaml(text) as KubeObject[]);

/** What another tool has made of the manifests, by its own way. */
type Maker = (object: KubeObject, namespace: string) => Promise<unknown>;

const plurals: Readonly<Record<string, string>> = { Deployment: '/apis/apps/v1', ConfigMap: '/api/v1' };
async function create(object: KubeObject, namespace: string, manager: string): Promise<void> {
  const path = `${plurals[object.kind]}/namespaces/${namespace}/${object.kind.toLowerCase()}s`;
  await lockstep.kube.http.request({
    method: 'POST',
    path,
    query: { fieldManager: manager },
    body: toJson(object),
    contentType: 'application/json',
  });
}
const marked = (object: KubeObject, namespace: string, more: { labels?: object; annotations?: object }): KubeObject =>
  ({ ...object, metadata: { ...object.metadata, namespace, ...more } }) as unknown as KubeObject;

const byArgo: Maker = (object, namespace) => {
  const group = object.kind === 'Deployment' ? 'apps' : '';
  const annotations = {
    'argocd.argoproj.io/tracking-id': `shop:${group}/${object.kind}:${namespace}/${object.metadata.name}`,
    'kubectl.kubernetes.io/last-applied-configuration': toJson(object),
  };
  return create(marked(object, namespace, { annotations }), namespace, 'argocd-controller');
};
const byFlux: Maker = (object, namespace) => {
  const labels = { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': namespace };
  return lockstep.kube.apply(marked(object, namespace, { labels }), 'kustomize-controller');
};
const byHelm: Maker = (object, namespace) => {
  const annotations = { 'meta.helm.sh/release-name': 'shop', 'meta.helm.sh/release-namespace': namespace };
  return create(
    marked(object, namespace, { annotations, labels: { 'app.kubernetes.io/managed-by': 'Helm' } }),
    namespace,
    'helm',
  );
};

const argo = (namespace: string, url: string) => `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  project: default
  source: {repoURL: "${url}", path: deploy, targetRevision: main, directory: {recurse: true}}
  destination: {server: "https://kubernetes.default.svc", namespace: ${namespace}}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
`;
const fluxSource = (namespace: string, url: string) => `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: shop, namespace: ${namespace}}
spec: {url: "${url}", interval: 1m, ref: {branch: main}}
---
`;
const flux = (namespace: string, url: string) => `${fluxSource(namespace, url)}
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: ${namespace}}
spec: {sourceRef: {kind: GitRepository, name: shop}, path: ./deploy, prune: true, interval: 10m, serviceAccountName: lockstep}
`;
const helm = (namespace: string, url: string) => `${fluxSource(namespace, url)}
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop, namespace: ${namespace}}
spec: {interval: 5m, chart: {spec: {chart: ./chart, sourceRef: {kind: GitRepository, name: shop}}}}
`;

const argoSet = (namespace: string, url: string) => `
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: shops, namespace: ${namespace}}
spec:
  generators: [{list: {elements: [{name: shop, folder: deploy}]}}]
  template:
    metadata: {name: '{{name}}'}
    spec:
      project: default
      source: {repoURL: "${url}", path: '{{folder}}', targetRevision: main, directory: {recurse: true}}
      destination: {server: "https://kubernetes.default.svc", namespace: ${namespace}}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
`;

async function podsIn(namespace: string): Promise<string[]> {
  const { body } = await lockstep.kube.http.request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
  const running = objectsAt(body, 'items').filter((pod) => textAt(pod, 'status', 'phase') === 'Running');
  return running.map((pod) => textAt(pod, 'metadata', 'uid') ?? '').sort();
}
/** What pods are made of. The generation counts annotations too. */
const specIn = async (namespace: string): Promise<unknown> =>
  (await lockstep.kube.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' }))?.['spec'];

/** A set that is suspended makes nothing that could be looked at: what it makes is suspended instead. */
function begun(object: KubeObject): KubeObject {
  if (object.kind !== 'DeliverySet') return object;
  const { suspend: _suspend, template, ...spec } = object['spec'] as { suspend?: Json; template: { spec: JsonObject } };
  return {
    ...object,
    spec: { ...spec, template: { ...template, spec: { ...template.spec, suspend: true } } },
  } as never;
}

/** Lets what was looked at begin, in the set where it is of one. */
async function begin(namespace: string): Promise<void> {
  const spec = { suspend: false, health: { steady: '1s' } };
  const set = { apiVersion: 'lockstep.dev/v1alpha1', kind: 'DeliverySet', namespace, name: 'shops' };
  if ((await lockstep.kube.get(set)) === undefined) await lockstep.kube.edit(deliveryRef(namespace, 'shop'), { spec });
  else await lockstep.kube.edit(set, { spec: { template: { spec } } });
}

describeOnOwnCluster('lockstep import', () => {
  it.each<[string, Maker, (namespace: string, url: string) => string]>([
    ['import-argo', byArgo, argo],
    ['import-flux', byFlux, flux],
    ['import-helm', byHelm, helm],
    ['import-set', byArgo, argoSet],
  ])('moves what is live without a restart or a deletion: %s', async (namespace, made, objects) => {
    await makeNamespace(lockstep.kube, namespace);
    const repository = lockstep.git.repository(`${namespace}.git`);
    repository.commit(files);
    for (const object of manifests()) await made(object, namespace);
    const before = await until('its pods run', async () => {
      const pods = await podsIn(namespace);
      return pods.length > 0 ? pods : undefined;
    });
    const [spec, since] = [await specIn(namespace), Date.now()];
    const file = join(folder, `${namespace}.yaml`);
    writeFileSync(file, objects(namespace, repository.url));
    const { code, stdout, stderr } = await lockstepBeside(['import', '-f', file]);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('not taken over')]);
    for (const delivery of parseYaml(stdout) as KubeObject[]) await lockstep.kube.apply(begun(delivery));
    await until('the Delivery is there', () => lockstep.kube.get(deliveryRef(namespace, 'shop')));
    const flags = ['-n', namespace, '--kubeconfig', inject('kubeconfig')];
    const plan = (await lockstepBeside(['plan', 'shop', ...flags])).stdout;
    expect(plan).toContain(`adopt   wave 0  Deployment ${namespace}/web`);
    await begin(namespace);
    const isGood = async () =>
      textAt(await lockstep.kube.get(deliveryRef(namespace, 'shop')), 'status', 'state') === 'Probation';
    await until('it is good', isGood, 60_000);
    const labelled = await lockstep.kube.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' });
    expect(textAt(labelled, 'metadata', 'annotations', 'lockstep.dev/owner')).toBe(`${namespace}/shop`);
    expect(await podsIn(namespace)).toEqual(before);
    expect(await specIn(namespace)).toEqual(spec);
    const deleted = readAudit(inject('auditLog'), since).filter(
      ({ verb, namespace: where, resource }) => verb === 'delete' && where === namespace && resource !== 'deliveries',
    );
    expect(deleted).toEqual([]);
    // What Git says is followed from then on.
    repository.commit({
      'deploy/map.yaml': configMap('settings', { color: 'red' }),
      'chart/templates/map.yaml': configMap('settings', { color: 'red' }),
    });
    await lockstep.kube.edit(deliveryRef(namespace, 'shop'), {
      metadata: { annotations: { 'lockstep.dev/request': 'sync@1' } },
    });
    const map = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'settings' };
    await until('the commit is live', async () => textAt(await lockstep.kube.get(map), 'data', 'color') === 'red');
  });

  it('reads a cluster too, tells what it can not take over, and changes nothing', async () => {
    await serveApplications(lockstep.kube);
    const [object] = parseYaml(
      argo('import-argo', 'https://h/r').replace('namespace: argocd', 'namespace: import-argo'),
    ) as KubeObject[];
    const plugin = {
      ...object,
      spec: { ...(object?.['spec'] as object), source: { repoURL: 'https://h/r', path: 'a', plugin: { name: 'x' } } },
    };
    await lockstep.kube.http.request({
      method: 'POST',
      path: '/apis/argoproj.io/v1alpha1/namespaces/import-argo/applications',
      body: JSON.stringify(plugin),
      contentType: 'application/json',
    });
    const answer = await lockstepBeside([
      'import',
      '-n',
      'import-argo',
      '-o',
      'json',
      '--kubeconfig',
      inject('kubeconfig'),
    ]);
    expect(answer.code).toBe(2);
    const { manifests: written, notes } = JSON.parse(answer.stdout);
    expect(written).toMatchObject([{ kind: 'Delivery', metadata: { name: 'shop', namespace: 'import-argo' } }]);
    expect(notes).toContainEqual(expect.objectContaining({ kind: 'refused', field: 'source.plugin' }));
    expect(
      (await lockstepBeside(['import', '-n', 'import-flux', '--kubeconfig', inject('kubeconfig')])).stderr,
    ).toContain('there is no Application');
  });

  it('reads Flux in a cluster, with sources of another namespace, and folders with whatever else is in them', async () => {
    await serveFlux(lockstep.kube);
    await makeNamespace(lockstep.kube, 'import-sources');
    const spread = (text: string): KubeObject[] =>
      (parseYaml(text) as KubeObject[])
        .filter((object) => object !== null)
        .map((object) => {
          const spec = structuredClone(object['spec']) as JsonObject;
          if (object.kind === 'GitRepository')
            return { ...object, metadata: { ...object.metadata, namespace: 'import-sources' } };
          const reference = { kind: 'GitRepository', name: 'shop', namespace: 'import-sources' };
          return object.kind === 'Kustomization'
            ? { ...object, spec: { ...spec, sourceRef: reference } }
            : { ...object, spec: { ...spec, chart: { spec: { chart: './chart', sourceRef: reference } } } };
        }) as KubeObject[];
    const url = 'https://git.example.com/shop';
    const objects = [...spread(flux('import-flux', url)), ...spread(helm('import-helm', url)).slice(1)];
    for (const object of objects) await lockstep.kube.apply(object);
    const flags = ['-o', 'json', '--kubeconfig', inject('kubeconfig')];
    const written = async (...args: string[]) => {
      const { stdout } = await lockstepBeside(['import', ...args, ...flags]);
      return JSON.parse(stdout).manifests.map((one: KubeObject) => `${one.metadata.namespace}/${one.metadata.name}`);
    };
    expect(await written('-n', 'import-flux')).toEqual(['import-flux/shop']);
    expect((await written('-A')).sort()).toEqual(expect.arrayContaining(['import-flux/shop', 'import-helm/shop']));
    const inFolder = mkdtempSync(join(folder, 'objects-'));
    writeFileSync(join(inFolder, 'all.yaml'), objects.map((object) => toJson(object)).join('\n---\n'));
    writeFileSync(join(inFolder, 'broken.yaml'), 'a: [');
    writeFileSync(join(inFolder, 'README.md'), 'about');
    expect(await written('-f', inFolder)).toEqual(['import-flux/shop', 'import-helm/shop']);
    await lockstep.kube.delete({ apiVersion: 'v1', kind: 'Namespace', name: 'import-sources' });
  });
});
