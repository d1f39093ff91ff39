import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { viewOfFolder } from '../../../agent/cli/engine.ts';
import { toJson } from '../../../diff/json.ts';
import type { EngineRequest } from '../../../sync/render/engine-port.ts';
import { createEngines } from '../../../sync/render/engines.ts';
import { overlayOf } from '../../../sync/render/overlay.ts';
import { readManifests } from '../../../sync/render/plain.ts';
import { chartRequest } from '../support/engine.ts';
import { configMap, deployment } from '../support/manifests.ts';
import { charts } from './inputs/charts.ts';
import { kustomizations } from './inputs/kustomizations.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-engine-'));
const engines = createEngines(process.env['LOCKSTEP_ENGINE'] ?? '');
const reference = process.env['LOCKSTEP_REFERENCE'] ?? '';
afterAll(async () => {
  await engines.close();
  rmSync(folder, { recursive: true, force: true });
});

function written(name: string, files: Readonly<Record<string, string>>): string {
  const root = join(folder, name.replaceAll(/\W+/g, '-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** Objects in one form and order: where a file of hooks stands in the output means nothing to us. */
function objectsIn(texts: readonly string[]): string[] {
  const read = texts.map((text) => readManifests('x.yaml', text));
  expect(read.flatMap(({ problems }) => problems)).toEqual([]);
  return read.flatMap(({ objects }) => objects.map(({ object }) => toJson(object))).sort();
}

async function byEngine(root: string, request: EngineRequest): Promise<string[]> {
  const documents = await engines.render('test', request, viewOfFolder(root));
  return objectsIn(documents.map(({ text }) => text));
}

function real(...args: string[]): string[] {
  const env = { PATH: process.env['PATH'], HOME: folder, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder };
  return objectsIn([execFileSync(reference, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] })]);
}

describe('what the engine makes is what kustomize build makes of', () => {
  it.each(Object.entries(kustomizations))('%s', async (name, { path, files }) => {
    const root = written(name, files);
    const expected = real('kustomize', 'build', join(root, path), '--load-restrictor', 'LoadRestrictionsNone');
    expect(expected.length).toBeGreaterThan(0);
    expect(await byEngine(root, { kustomize: { path, overlay: '' } })).toEqual(expected);
  });
});

const apiVersions = ['apps/v1', 'apps/v1/Deployment', 'v1', 'v1/Pod'];

it('what a Delivery lays over a folder is what the same kustomization over it makes', async () => {
  const settings = {
    namespace: 'other',
    namePrefix: 'a-',
    nameSuffix: '-z',
    images: [{ name: 'nginx', newName: 'registry.example.com/nginx', newTag: '2' }],
    replicas: [{ name: 'web', count: 3 }],
    patches: [
      { patch: '[{"op": "add", "path": "/data/more", "value": "yes"}]', target: { kind: 'ConfigMap', name: 'm' } },
      {
        patch:
          'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {priorityClassName: high}}}\n',
      },
    ],
  };
  const [labels, annotations] = [{ team: 'x' }, { note: 'y' }];
  const root = written('overlay', {
    'app/kustomization.yaml': 'resources: [m.yaml, web.yaml]\n',
    'app/m.yaml': configMap('m', { color: 'blue' }),
    'app/web.yaml': deployment('web'),
    'parts/c/kustomization.yaml':
      'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [c.yaml]\n',
    'parts/c/c.yaml': configMap('c', { of: 'component' }),
    'hand/kustomization.yaml': toJson({
      ...settings,
      resources: ['../app'],
      components: ['../parts/c'],
      labels: [{ pairs: labels, includeTemplates: true }],
      commonAnnotations: annotations,
    }),
  });
  const expected = real('kustomize', 'build', join(root, 'hand'), '--load-restrictor', 'LoadRestrictionsNone');
  expect(expected).toHaveLength(3);
  const overlay = overlayOf({ ...settings, labels, annotations, components: ['../parts/c'] }, 'app', undefined);
  expect(await byEngine(root, { kustomize: { path: 'app', overlay } })).toEqual(expected);
  const plain = overlayOf({ ...settings, labels, annotations, components: ['../parts/c'] }, 'app', [
    'm.yaml',
    'web.yaml',
  ]);
  expect(await byEngine(root, { kustomize: { path: 'app', overlay: plain } })).toEqual(expected);
});

describe('what the engine makes is what helm template makes of', () => {
  it.each(Object.entries(charts))('%s', async (name, { files, valuesFiles = [], values }) => {
    const root = written(name, files);
    const given = values === undefined ? [] : [{ name: 'given', text: values }];
    const flags = valuesFiles.flatMap((file) => ['--values', join(root, file)]);
    if (values !== undefined) {
      writeFileSync(join(root, 'given.yaml'), values);
      flags.push('--values', join(root, 'given.yaml'));
    }
    const cluster = ['--kube-version', 'v1.36.3', '--api-versions', 'apps/v1/Deployment'];
    const expected = real(
      'helm',
      'template',
      'web',
      join(root, 'app'),
      '-n',
      'shop',
      '--include-crds',
      ...cluster,
      ...flags,
    );
    const named = valuesFiles.map((file) => ({ name: file }));
    expect(await byEngine(root, chartRequest({ apiVersions, values: [...named, ...given] }))).toEqual(expected);
  });
});
