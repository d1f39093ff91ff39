import { describe, expect, it } from 'vitest';
import { imported } from './imported.ts';

describe('objects of Flux', () => {
  const repository = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: shop, namespace: flux-system}
spec: {url: "ssh://git@h/r.git", interval: 1m, secretRef: {name: git}, recurseSubmodules: true, ignore: "*.txt"}
---`;

  it('a Kustomization and its repository become a Delivery', () => {
    const { manifests, told } = imported(`${repository}
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  sourceRef: {kind: GitRepository, name: shop}
  path: ./apps
  prune: true
  interval: 10m
  timeout: 3m
  targetNamespace: web
  serviceAccountName: deployer
  dependsOn: [{name: infra}]
  decryption: {provider: sops, secretRef: {name: keys}}
  postBuild: {substitute: {a: b}, substituteFrom: [{kind: ConfigMap, name: vars, optional: true}]}
  healthCheckExprs: [{apiVersion: example.com/v1, kind: Widget, current: "status.ready == true"}]
  images: [{name: web, newTag: "2"}]
`);
    expect(manifests).toEqual([
      {
        apiVersion: 'lockstep.dev/v1alpha1',
        kind: 'Delivery',
        metadata: { name: 'apps', namespace: 'flux-system' },
        spec: {
          source: {
            url: 'ssh://git@h/r.git',
            interval: '1m',
            secretRef: { name: 'git' },
            ignore: '*.txt',
            ref: { branch: 'master' },
            submodules: true,
            path: 'apps',
          },
          render: {
            kustomize: { namespace: 'web', images: [{ name: 'web', newTag: '2' }] },
            substitute: { vars: { a: 'b' }, from: [{ kind: 'ConfigMap', name: 'vars', optional: true }] },
            decryption: { provider: 'sops', secretRef: { name: 'keys' } },
          },
          target: { serviceAccountName: 'deployer' },
          sync: { adopt: true },
          health: {
            deadline: '3m',
            rules: [{ group: 'example.com', kind: 'Widget', healthy: 'self.status.ready == true' }],
          },
          dependsOn: [{ name: 'infra' }],
        },
      },
    ]);
    expect(told).toEqual(['differs postBuild', 'differs interval']);
  });

  it('a HelmRelease and its repository become a Delivery of a chart alone', () => {
    const { manifests, told } = imported(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: web}
spec: {url: "https://charts.example.com", secretRef: {name: login}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: redis, namespace: web}
spec:
  interval: 5m
  chart: {spec: {chart: redis, version: 1.x, sourceRef: {kind: HelmRepository, name: charts}}}
  values: {replicas: 2}
  valuesFrom: [{kind: Secret, name: s, valuesKey: v, targetPath: a.b}]
  install: {crds: Skip}
  test: {enable: true}
`);
    expect(manifests[0]?.['spec']).toEqual({
      render: {
        helm: {
          repository: 'https://charts.example.com',
          chart: 'redis',
          version: '1.x',
          secretRef: { name: 'login' },
          values: { replicas: 2 },
          valuesFrom: [{ kind: 'Secret', name: 's', valuesKey: 'v', targetPath: 'a.b' }],
          skipCrds: true,
        },
      },
      sync: { adopt: true },
    });
    expect(told).toContain('refused test');
    expect(told).toContain('differs driftDetection');
  });

  it('of a chart in Git name their files from the top, and have the names that Flux gives', () => {
    const release = (more: string, name = 'redis') =>
      imported(`${repository.replace('flux-system', 'web')}
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: ${name}, namespace: web}
spec: {chart: {spec: {chart: ./charts/shop, valuesFiles: [./charts/shop/prod.yaml], sourceRef: {kind: GitRepository, name: shop}, verify: {provider: cosign}}}, ${more}}
`);
    const { specs, told } = release('targetNamespace: other, install: {createNamespace: true}');
    expect(specs[0]?.['render']).toEqual({
      helm: { releaseName: 'other-redis', valuesFiles: ['/charts/shop/prod.yaml'] },
    });
    expect(told).toEqual(
      expect.arrayContaining([
        'refused chart.spec.verify',
        'differs chart.spec.valuesFiles',
        'differs chart.spec.reconcileStrategy',
        'refused install.createNamespace',
      ]),
    );
    const long = release('interval: 1m', 'a'.repeat(60)).specs[0]?.['render'] as { helm: { releaseName: string } };
    expect(long.helm.releaseName).toBe(`${'a'.repeat(40)}-11ee391211c6`);
  });

  it('for other clusters and with rules for many objects are told where they would do more', () => {
    const { specs, told } = imported(`${repository}
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  sourceRef: {kind: GitRepository, name: shop}
  prune: false
  deletionPolicy: Delete
  serviceAccountName: deployer
  kubeConfig: {secretRef: {name: far, key: other}}
  ignore:
  - {paths: [/spec/replicas], target: {kind: Deployment}}
  - {paths: [/spec/replicas], target: {labelSelector: app=x}}
  - {paths: [/spec/replicas], target: {kind: "Deployment|StatefulSet"}}
  - {paths: [""], target: {kind: Secret}}
`);
    expect(specs[0]).toMatchObject({
      sync: { prune: false, ignore: [{ kind: 'Deployment', jsonPointers: ['/spec/replicas'] }] },
    });
    expect(specs[0]).not.toHaveProperty('deletionPolicy');
    expect(told.filter((one) => one === 'refused ignore')).toHaveLength(3);
    expect(told).toEqual(expect.arrayContaining(['refused kubeConfig', 'refused kubeConfig.secretRef.key']));
  });

  it('whose source was not read, or has no counterpart, are told and not made', () => {
    const kustomization = (kind: string) =>
      `apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: b}\nspec: {sourceRef: {kind: ${kind}, name: x}, prune: true}\n`;
    for (const kind of ['GitRepository', 'Bucket'])
      expect(imported(kustomization(kind))).toMatchObject({ manifests: [], told: ['refused sourceRef'] });
  });
});
