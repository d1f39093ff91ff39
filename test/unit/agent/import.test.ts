import { describe, expect, it } from 'vitest';
import { importAll } from '../../../agent/cli/import/all.ts';
import { readDelivery } from '../../../sync/delivery/delivery.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../sync/types.ts';

function imported(text: string) {
  const { manifests, notes } = importAll(parseYaml(text) as KubeObject[], { isActive: true });
  // What is written can be read.
  for (const manifest of manifests) readDelivery(manifest);
  const told = notes.map(({ kind, field }) => `${kind} ${field}`);
  return { manifests, specs: manifests.map((one) => one['spec'] as Record<string, unknown>), told, notes };
}

const application = (spec: string, metadata = '') => `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd${metadata}}
spec:
  project: default
  destination: {server: "https://kubernetes.default.svc", namespace: web}
${spec}`;

describe('an Application of Argo CD', () => {
  it('with a folder becomes a Delivery in the namespace that it is for', () => {
    const { manifests, told } = imported(
      application(
        `  source: {repoURL: "https://git.example.com/shop.git", path: deploy/, targetRevision: main}
  revisionHistoryLimit: 5
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [CreateNamespace=true, PruneLast=true, ServerSideApply=true]
  ignoreDifferences:
  - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas], jqPathExpressions: ['.spec.template.spec.containers[].image', '.a | select(.b)']}
`,
        ', finalizers: [resources-finalizer.argocd.argoproj.io]',
      ),
    );
    expect(manifests).toEqual([
      {
        apiVersion: 'lockstep.dev/v1alpha1',
        kind: 'Delivery',
        metadata: { name: 'shop', namespace: 'web' },
        spec: {
          source: { url: 'https://git.example.com/shop.git', ref: { branch: 'main' }, path: 'deploy' },
          sync: {
            adopt: true,
            ignore: [
              {
                group: 'apps',
                kind: 'Deployment',
                jsonPointers: ['/spec/replicas', '/spec/template/spec/containers/*/image'],
              },
            ],
          },
          history: 5,
        },
      },
    ]);
    expect(told).toContain('refused syncPolicy.syncOptions');
    expect(told).toContain('refused ignoreDifferences');
    expect(told).toContain('differs source.path');
  });

  it('keeps what Argo CD does only when it is asked: to sync, to prune, to heal, to cascade', () => {
    const { specs } = imported(
      application('  source: {repoURL: "https://h/r", path: a, directory: {recurse: true}}\n'),
    );
    expect(specs).toEqual([
      {
        source: { url: 'https://h/r', ref: { name: 'HEAD' }, path: 'a' },
        sync: { mode: 'manual', prune: false, selfHeal: false, adopt: true },
        deletionPolicy: 'orphan',
      },
    ]);
  });

  it.each([
    ['HEAD', { name: 'HEAD' }],
    ['feature/x', { branch: 'feature/x' }],
    ['v1.2.3', { tag: 'v1.2.3' }],
    ['1.x', { semver: '1.x' }],
    ['>=1.0.0 <2.0.0', { semver: '>=1.0.0 <2.0.0' }],
    ['refs/pull/7/head', { name: 'refs/pull/7/head' }],
    ['a'.repeat(40), { commit: 'a'.repeat(40) }],
  ])('follows %s', (revision, ref) => {
    const { specs } = imported(
      application(`  source: {repoURL: "https://h/r", path: a, targetRevision: "${revision}"}\n`),
    );
    expect(specs[0]?.['source']).toMatchObject({ ref });
  });

  it('with a chart of a repository, its values and parameters', () => {
    const source = `  source:
    repoURL: https://charts.example.com
    chart: redis
    targetRevision: 1.2.*
    helm:
      releaseName: cache
      valuesObject: {image: {tag: "1"}, replicas: 1}
      parameters: [{name: image.tag, value: "7", forceString: true}, {name: replicas, value: "3"}, {name: 'a\\.b', value: "true"}]
      skipCrds: true
`;
    expect(imported(application(source)).specs[0]?.['render']).toEqual({
      helm: {
        releaseName: 'cache',
        values: { image: { tag: '7' }, replicas: 3, 'a.b': true },
        skipCrds: true,
        repository: 'https://charts.example.com',
        chart: 'redis',
        version: '1.2.*',
      },
    });
    const registry = imported(
      application('  source: {repoURL: registry.example.com/charts, chart: redis, targetRevision: 1.0.0}\n'),
    );
    expect(registry.specs[0]?.['render']).toMatchObject({ helm: { repository: 'oci://registry.example.com/charts' } });
  });

  it('with parameters that reach for what all objects are made from changes nothing else', () => {
    const source = `  source:
    repoURL: https://charts.example.com
    chart: redis
    helm: {parameters: [{name: __proto__.polluted, value: "1"}, {name: constructor.prototype.polluted, value: "1"}]}
`;
    const { specs } = imported(application(source));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(specs[0]?.['render']).toMatchObject({ helm: { values: { constructor: { prototype: { polluted: 1 } } } } });
  });

  it('with a chart and its values in Git', () => {
    const sources = `  sources:
  - {repoURL: "https://charts.example.com", chart: redis, targetRevision: "1.0.0", helm: {valueFiles: [$values/env/prod.yaml]}}
  - {repoURL: "https://git.example.com/values.git", targetRevision: main, ref: values}
`;
    const { specs } = imported(application(sources));
    expect(specs).toHaveLength(1);
    expect(specs[0]).toMatchObject({
      source: { url: 'https://git.example.com/values.git', ref: { branch: 'main' } },
      render: { helm: { chart: 'redis', valuesFiles: ['/env/prod.yaml'] } },
    });
  });

  it('with several sources becomes several Deliveries', () => {
    const { manifests, told } = imported(
      application('  sources: [{repoURL: "https://h/a", path: x}, {repoURL: "https://h/b", path: y}]\n'),
    );
    expect(manifests.map(({ metadata }) => metadata.name)).toEqual(['shop-1', 'shop-2']);
    expect(told).toContain('differs sources');
  });

  it('with kustomize', () => {
    const source = `  source:
    repoURL: https://h/r
    path: a
    kustomize:
      namePrefix: p-
      commonLabels: {team: x}
      images: ["web=registry.example.com:5000/web:1.2", "db@sha256:abc", "proxy:2"]
      replicas: [{name: web, count: 2}]
`;
    const { specs, told } = imported(application(source));
    expect(specs[0]?.['render']).toEqual({
      kustomize: {
        namePrefix: 'p-',
        labels: { team: 'x' },
        images: [
          { name: 'web', newName: 'registry.example.com:5000/web', newTag: '1.2' },
          { name: 'db', digest: 'sha256:abc' },
          { name: 'proxy', newTag: '2' },
        ],
        replicas: [{ name: 'web', count: 2 }],
      },
    });
    expect(told).toContain('differs source.kustomize.commonLabels');
  });

  it('with a folder of plain manifests leaves folders below out, as Argo CD does', () => {
    const { specs } = imported(
      application(
        '  source: {repoURL: "https://h/r", path: a, directory: {include: "*.yaml", exclude: "{x.yaml,y.yaml}"}}\n',
      ),
    );
    expect(specs[0]?.['source']).toMatchObject({ ignore: '/a/**\n!/a/*.yaml\n/a/x.yaml\n/a/y.yaml\n/a/*/\n' });
  });

  it('in another cluster, and with what has no counterpart, is told', () => {
    const text = application('  source: {repoURL: "https://h/r", path: a, plugin: {name: x}}\n').replace(
      'server: "https://kubernetes.default.svc"',
      'name: Prod East',
    );
    const { manifests, told } = imported(text);
    expect(manifests[0]?.metadata.namespace).toBe('argocd');
    expect(manifests[0]?.['spec']).toMatchObject({
      target: { namespace: 'web', kubeconfigSecretRef: { name: 'prod-east' } },
    });
    expect(told).toContain('refused source.plugin');
  });

  it('has the windows of its project', () => {
    const project = `apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: team, namespace: argocd}
spec:
  syncWindows:
  - {kind: deny, schedule: "0 22 * * *", duration: 1h, applications: ["sh*"], timeZone: Europe/Berlin}
  - {kind: allow, schedule: "0 1 * * *", duration: 1h, applications: [other]}
---`;
    const text = application('  source: {repoURL: "https://h/r", path: a}\n').replace(
      'project: default',
      'project: team',
    );
    expect(imported(project + text).specs[0]?.['sync']).toMatchObject({
      windows: [{ kind: 'deny', schedule: '0 22 * * *', duration: '1h', timeZone: 'Europe/Berlin' }],
    });
  });
});

describe('what of Argo CD is easily another thing here', () => {
  const source = (text: string) => imported(application(`  source: {repoURL: "https://h/r", path: a, ${text}}\n`));

  it('files of values of another repository than the chart are refused, of the same one they are named from its top', () => {
    const sources = (other: string) =>
      imported(
        application(`  sources:
  - {repoURL: "https://h/r", path: chart, targetRevision: main, helm: {valueFiles: [values.yaml, $v/env/prod.yaml, $w/x.yaml]}}
  - {repoURL: "${other}", targetRevision: main, ref: v}
`),
      );
    expect(sources('https://h/r').specs[0]?.['render']).toEqual({
      helm: { valuesFiles: ['values.yaml', '/env/prod.yaml'] },
    });
    expect(sources('https://h/other').told.filter((one) => one === 'refused source.helm.valueFiles')).toHaveLength(2);
  });

  it('parameters are lists in braces, and no single items', () => {
    const { specs, told } = source(
      'helm: {parameters: [{name: tags, value: "{a,2}"}, {name: "hosts[0]", value: x}, {name: text, value: "a,b"}]}',
    );
    expect(specs[0]?.['render']).toEqual({ helm: { values: { tags: ['a', 2], text: 'a,b' } } });
    expect(told).toContain('refused source.helm.parameters');
  });

  it('each of several sources keeps the name of the release', () => {
    const { specs } = imported(
      application(
        '  sources: [{repoURL: "https://h/a", path: x, helm: {values: "a: 1"}}, {repoURL: "https://c", chart: redis, targetRevision: 1.0.0}]\n',
      ),
    );
    expect(specs.map(({ render }) => (render as { helm: { releaseName: string } }).helm.releaseName)).toEqual([
      'shop',
      'shop',
    ]);
  });

  it('rules of which nothing is left, patches in files and what Lockstep would refuse are told and left out', () => {
    const { specs, told } = imported(
      application(`  source: {repoURL: "https://h/r", path: a, targetRevision: "*", kustomize: {patches: [{path: p.yaml}]}}
  ignoreDifferences: [{kind: Service, jsonPointers: [/spec]}, {group: apps, kind: Deployment, jqPathExpressions: ['.a | select(.b)']}]
`),
    );
    expect(specs[0]).toMatchObject({
      source: { ref: { semver: '*' } },
      sync: { ignore: [{ group: '', kind: 'Service', jsonPointers: ['/spec'] }] },
    });
    expect((specs[0]?.['sync'] as { ignore: unknown[] } | undefined)?.ignore).toHaveLength(1);
    expect(told).toEqual(
      expect.arrayContaining([
        'refused source.kustomize.patches',
        'refused ignoreDifferences',
        'differs ignoreDifferences',
      ]),
    );
    const invalid = imported(application('  source: {repoURL: "file:///etc", path: a}\n'));
    expect(invalid.manifests).toEqual([]);
    expect(invalid.told).toContain('refused spec');
  });

  it('windows are for who fits any of what they name, or all of it', () => {
    const windowsFor = (window: string) => {
      const project = `apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: team}\nspec: {syncWindows: [{kind: deny, schedule: "0 1 * * *", duration: 1h, ${window}}]}\n---`;
      const text = application('  source: {repoURL: "https://h/r", path: a}\n').replace(
        'project: default',
        'project: team',
      );
      const sync = imported(project + text).specs[0]?.['sync'] as { windows?: unknown[] } | undefined;
      return sync?.windows?.length ?? 0;
    };
    expect(windowsFor('applications: [other], namespaces: [web]')).toBe(1);
    expect(windowsFor('applications: [other], namespaces: [web], andOperator: true')).toBe(0);
    expect(windowsFor('applications: [shop], namespaces: [web], andOperator: true')).toBe(1);
    expect(windowsFor('applications: [other], clusters: [prod]')).toBe(0);
    expect(windowsFor('clusters: [in-cluster]')).toBe(1);
    const text = application('  source: {repoURL: "https://h/r", path: a}\n').replace(
      'project: default',
      'project: team',
    );
    expect(imported(text).told).toContain('refused project');
  });

  it('what an ApplicationSet has made is left to its set', () => {
    const made = application(
      '  source: {repoURL: "https://h/r", path: a}\n',
      ', ownerReferences: [{kind: ApplicationSet, name: all}]',
    );
    expect(imported(made)).toMatchObject({ manifests: [], told: ['differs metadata.ownerReferences'] });
  });
});

describe('an ApplicationSet of Argo CD', () => {
  const set = (generators: string, template = 'name: "app-{{path.basename}}"', path = '"{{path}}"') => `
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: apps, namespace: argocd}
spec:
  generators:
${generators}
  template:
    metadata: {${template}}
    spec:
      project: default
      destination: {server: "https://kubernetes.default.svc", namespace: web}
      source: {repoURL: "https://h/r", path: ${path}, targetRevision: HEAD}
`;

  it('of folders becomes a DeliverySet', () => {
    const git =
      '  - git: {repoURL: "https://h/r", revision: main, directories: [{path: apps/*}, {path: apps/old, exclude: true}]}';
    const { manifests } = imported(set(git));
    expect(manifests).toMatchObject([
      {
        kind: 'DeliverySet',
        metadata: { name: 'apps', namespace: 'argocd' },
        spec: {
          deletion: 'delete',
          generators: [
            {
              directories: { url: 'https://h/r', ref: { branch: 'main' }, include: ['apps/*'], exclude: ['apps/old'] },
            },
          ],
          template: {
            metadata: { name: 'app-{{ path.name }}', namespace: 'web' },
            spec: { source: { path: '{{ path }}' } },
          },
        },
      },
    ]);
  });

  it('of pull requests, in templates of Go too', () => {
    const requests =
      '  - pullRequest: {github: {owner: team, repo: shop, labels: [preview], tokenRef: {secretName: t, key: k}}}';
    const { specs, told } = imported(
      set(requests, 'name: "pr-{{ .number }}-{{.branch_slug}}"', '"{{index .path.segments 1}}"'),
    );
    expect(specs[0]).toMatchObject({
      generators: [
        {
          pullRequests: {
            provider: 'github',
            project: 'team/shop',
            labels: ['preview'],
            secretRef: { name: 'requests' },
          },
        },
      ],
      template: { metadata: { name: 'pr-{{ number }}-{{ branchSlug }}' }, spec: { source: { path: '{{ path.1 }}' } } },
    });
    expect(told).toContain('differs generators.pullRequest');
  });

  it('for several clusters has a Secret for each, and is refused where only addresses are known', () => {
    const to = (destination: string) =>
      imported(
        set('  - list: {elements: [{cluster: a}]}').replace(
          /destination: \{[^}]*\}/,
          `destination: {${destination}, namespace: web}`,
        ),
      );
    expect(to('name: "{{cluster}}"').specs[0]?.['template']).toMatchObject({
      spec: { target: { kubeconfigSecretRef: { name: '{{ cluster }}' } } },
    });
    expect(to('server: "{{url}}"')).toMatchObject({ manifests: [] });
  });

  it('takes all along unless it says otherwise, and tells what of its generators is not taken over', () => {
    const spec = (text: string) => imported(text).specs[0] as { template: { spec: object }; deletion: string };
    expect(spec(set('  - list: {elements: [{a: b}]}')).template.spec).not.toHaveProperty('deletionPolicy');
    const kept = set('  - list: {elements: [{a: b}]}').replace(
      /\nspec:\n/,
      '\nspec:\n  syncPolicy: {preserveResourcesOnDeletion: true}\n',
    );
    expect(spec(kept)).toMatchObject({ deletion: 'orphan' });
    expect(imported(set('  - list: {elementsYaml: "{{ x }}"}')).told).toContain('refused generators.list.elementsYaml');
    const files = set(
      '  - git: {repoURL: "https://h/r", files: [{path: "a/*.json"}], pathParamPrefix: x}',
      'name: "{{path.basename}}-{{path.filename}}"',
    );
    expect(imported(files).told).toContain('refused generators.git.pathParamPrefix');
    expect(imported(files).specs[0]?.['template']).toMatchObject({
      metadata: { name: '{{ path.name }}-{{ path.file }}' },
    });
    const gitlab = '  - pullRequest: {gitlab: {project: "7", api: "https://gitlab.example.com/"}}';
    expect(imported(set(gitlab)).specs[0]?.['generators']).toMatchObject([
      { pullRequests: { api: 'https://gitlab.example.com/api/v4' } },
    ]);
  });

  it('tells what has no counterpart, and makes no set of nothing', () => {
    const { manifests, told } = imported(set('  - matrix: {generators: []}\n  - clusters: {}'));
    expect(manifests).toEqual([]);
    expect(told).toEqual(['refused generators.matrix', 'refused generators.clusters', 'refused generators']);
    const functions = imported(set('  - list: {elements: [{a: b}]}', 'name: "{{ .a | lower }}"'));
    expect(functions.told).toContain('refused template');
  });
});

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
    expect(told).toEqual(['differs postBuild']);
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

  it('are suspended at first unless they are to begin at once, and two of one name are told', () => {
    const text = application('  source: {repoURL: "https://h/r", path: a}\n');
    const [object] = parseYaml(text) as KubeObject[];
    const { manifests, notes } = importAll([object, object] as KubeObject[], { isActive: false });
    expect(manifests[0]?.['spec']).toMatchObject({ suspend: true });
    expect(notes.at(-1)?.message).toContain('two of this name');
  });
});
