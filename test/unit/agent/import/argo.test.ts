import { describe, expect, it } from 'vitest';
import { application, imported } from './imported.ts';

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
    const { specs, told } = imported(application(source));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(told).toContain('refused source.helm.parameters');
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
