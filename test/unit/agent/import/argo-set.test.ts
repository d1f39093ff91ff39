import { describe, expect, it } from 'vitest';
import { imported } from './imported.ts';

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
