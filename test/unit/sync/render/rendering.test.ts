import { describe, expect, it } from 'vitest';
import type { RepositoryNode } from '../../../../sync/render/engine-port.ts';
import {
  inCluster,
  isUnchanged,
  keyOfLooked,
  looking,
  type RenderSettings,
  renderRequestOf,
} from '../../../../sync/render/rendering.ts';
import { parseYaml } from '../../../../sync/render/yaml.ts';
import { file } from '../support/objects.ts';

const cluster = async () => ({ version: 'v1.36.3', apis: ['apps/v1'] });
const settings = (more: Partial<RenderSettings> = {}): RenderSettings => ({
  name: 'web',
  path: 'deploy/prod',
  targetNamespace: 'shop',
  kustomize: undefined,
  chart: undefined,
  isChartAlone: false,
  helm: undefined,
  ...more,
});
const files = (...names: string[]) => names.map((name) => file(name, ''));

describe('what renders a path', () => {
  it.each(['kustomization.yaml', 'kustomization.yml', 'Kustomization'])('is kustomize, by %s', (name) => {
    expect(renderRequestOf(settings(), files('a.yaml', name))).toEqual({
      kustomize: { path: 'deploy/prod', overlay: '' },
    });
  });

  it('is Helm, by Chart.yaml', () => {
    const values = { replicas: 3 };
    const helm = { valuesFiles: ['values-prod.yaml', '../common.yaml', '/all.yaml'], values, releaseName: 'shop' };
    expect(renderRequestOf(settings({ helm }), files('Chart.yaml'))).toEqual({
      helm: {
        chart: 'deploy/prod',
        name: 'shop',
        namespace: 'shop',
        values: [
          { name: 'deploy/prod/values-prod.yaml' },
          { name: 'deploy/common.yaml' },
          { name: 'all.yaml' },
          { name: 'spec.render.helm.values', text: '{"replicas":3}' },
        ],
        skipCRDs: false,
        skipSchema: false,
      },
    });
  });

  it('is told of the cluster for a chart alone', async () => {
    const of = async (...names: string[]) => {
      const request = renderRequestOf(settings(), files(...names));
      return request === undefined ? undefined : inCluster(request, cluster);
    };
    expect(await of('Chart.yaml')).toMatchObject({ helm: { kubeVersion: 'v1.36.3', apiVersions: ['apps/v1'] } });
    expect(await of('kustomization.yaml')).toEqual({ kustomize: { path: 'deploy/prod', overlay: '' } });
  });

  it('is nobody else where neither stands at the top of it', () => {
    expect(renderRequestOf(settings(), files('a.yaml', 'base/kustomization.yaml', 'c/Chart.yaml'))).toBeUndefined();
  });

  it('is what the settings say where both stand there', () => {
    const both = files('kustomization.yaml', 'Chart.yaml');
    expect(renderRequestOf(settings({ helm: {} }), both)).toHaveProperty('helm');
    for (const said of [{ kustomize: {} }, {}])
      expect(renderRequestOf(settings(said), both)).toHaveProperty('kustomize');
  });

  it('is never what the settings are not for', () => {
    expect(() => renderRequestOf(settings({ helm: {} }), files('kustomization.yaml'))).toThrow('holds a kustomization');
    expect(() => renderRequestOf(settings({ helm: {} }), files('a.yaml'))).toThrow('holds no chart');
  });

  // L4 of the vectors.
  it.each(['../../../x.yaml', 'https://evil/x.yaml', 'file:///etc/x', '**/*', 'a\\b', 'x\0'])(
    'takes no values from %j',
    (name) => {
      const helm = { valuesFiles: [name] };
      expect(() => renderRequestOf(settings({ helm }), files('Chart.yaml'))).toThrow('are no file of the repository');
    },
  );

  it('is kustomize too where settings are to be laid over plain manifests', () => {
    const kustomize = { namePrefix: 'a-', labels: { team: 'x' }, components: ['../c'] };
    const request = renderRequestOf(settings({ kustomize }), files('b.yaml', 'a.json', 'README.md'));
    const overlay = request !== undefined && 'kustomize' in request ? request.kustomize.overlay : '';
    expect(parseYaml(overlay)).toEqual([
      {
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        resources: ['../repo/deploy/prod/a.json', '../repo/deploy/prod/b.yaml'],
        components: ['../repo/deploy/prod/../c'],
        labels: [{ pairs: { team: 'x' }, includeSelectors: false, includeTemplates: true }],
        namePrefix: 'a-',
      },
    ]);
  });
});

describe('what a render has looked at', () => {
  const repository =
    (oids: Record<string, string>) =>
    (path: string): RepositoryNode => {
      const oid = oids[path];
      return oid === undefined ? { kind: 'nothing' } : { kind: 'file', oid, read: () => Buffer.from('') };
    };

  it('decides whether it is still the same, and nothing else does', () => {
    const { view, looked } = looking(repository({ a: '1', b: '2', other: '3' }));
    for (const path of ['a', 'b', 'missing']) view(path);
    expect(isUnchanged(looked, repository({ a: '1', b: '2', other: '9' }))).toBe(true);
    expect(isUnchanged(looked, repository({ a: '1', b: '8', other: '3' }))).toBe(false);
    expect(isUnchanged(looked, repository({ a: '1', b: '2', missing: '4' }))).toBe(false);
    const again = looking(repository({ a: '1', b: '2' }));
    for (const path of ['missing', 'b', 'a']) again.view(path);
    expect(keyOfLooked(again.looked)).toBe(keyOfLooked(looked));
  });
});
