import { hashText } from '../../diff/hash.ts';
import { type Json, toJson } from '../../diff/json.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { HelmSpec } from '../delivery/render-schema.ts';
import { LockstepError } from '../errors.ts';
import type { Capabilities } from '../ports.ts';
import type { ChartValues, EngineRequest, RenderRequest, RepositoryView } from './engine-port.ts';
import { overlayOf } from './overlay.ts';
import { isManifest, type TreeFile } from './plain.ts';

/** Files at the top of a path that ask for a renderer. */
const kustomizations = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

/** Where a chart of elsewhere is laid into the repository. */
export const laidCharts = '.lockstep-chart';

/** What a Delivery says of its renderer. */
export type RenderSettings = Pick<
  Delivery,
  'name' | 'path' | 'targetNamespace' | 'kustomize' | 'helm' | 'chart' | 'isChartAlone'
>;

/**
 * What the engine is asked for; undefined where the manifests are plain ones.
 * @param given values of the cluster for a chart: those of files, and of the Delivery, count before them
 * @throws LockstepError InvalidManifests when the settings are for something else than what is there
 */
export function renderRequestOf(
  settings: RenderSettings,
  files: readonly TreeFile[],
  given: readonly ChartValues[] = [],
): RenderRequest | undefined {
  const { path, kustomize, helm, chart, isChartAlone } = settings;
  if (chart !== undefined && !isChartAlone) {
    if (kustomize !== undefined) throw mismatch(path, 'only the values of a chart', 'spec.render.kustomize');
    return helmRequest(settings, laidCharts, given);
  }
  const has = (name: string): boolean => files.some((file) => file.path === name);
  // What is said counts before what is found: a folder may hold both.
  const isChart = helm !== undefined && has('Chart.yaml');
  if (kustomize !== undefined || (kustomizations.some(has) && !isChart)) {
    if (helm !== undefined) throw mismatch(path, 'a kustomization', 'spec.render.helm');
    return kustomizeRequest(settings, files);
  }
  if (has('Chart.yaml')) return helmRequest(settings, path, given);
  if (helm !== undefined) throw mismatch(path, 'no chart', 'spec.render.helm');
  return undefined;
}

function kustomizeRequest({ path, kustomize }: RenderSettings, files: readonly TreeFile[]): RenderRequest {
  if (kustomize === undefined) return { kustomize: { path, overlay: '' } };
  const isBare = !files.some((file) => kustomizations.includes(file.path));
  const manifests = files.filter(isManifest).map((file) => file.path);
  return { kustomize: { path, overlay: overlayOf(kustomize, path, isBare ? manifests.sort() : undefined) } };
}

function mismatch(path: string, what: string, field: string): LockstepError {
  return new LockstepError('InvalidManifests', `${JSON.stringify(path)} holds ${what}, and ${field} is set`);
}

function helmRequest(
  { name, path, targetNamespace, helm = {} }: RenderSettings,
  chart: string,
  given: readonly ChartValues[],
): RenderRequest {
  const {
    releaseName,
    valuesFiles = [],
    values,
    skipCrds = false,
    skipSchemaValidation = false,
  }: HelmSpec = helm ?? {};
  const texts: ChartValues[] = [...given, ...valuesFiles.map((file) => ({ name: pathOf(path, file) }))];
  if (values !== undefined) texts.push({ name: 'spec.render.helm.values', text: toJson(values as Json) });
  return {
    helm: {
      chart,
      name: releaseName ?? name,
      namespace: targetNamespace,
      values: texts,
      skipCRDs: skipCrds,
      skipSchema: skipSchemaValidation,
    },
  };
}

/**
 * What the engine is asked for in a cluster: what that serves decides what a chart makes.
 * @param cluster only asked for a chart
 */
export async function inCluster(request: RenderRequest, cluster: () => Promise<Capabilities>): Promise<EngineRequest> {
  if ('kustomize' in request) return request;
  const { version, apis } = await cluster();
  return { helm: { ...request.helm, kubeVersion: version, apiVersions: apis } };
}

/**
 * The path of a file of values from the top of the repository.
 * @throws LockstepError InvalidManifests when it leads out of it, or elsewhere
 */
function pathOf(folder: string, file: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(file) || /[*?[\]\\\0]/.test(file)) throw outside(file);
  const names = file.startsWith('/') ? [] : folder.split('/').filter((name) => name !== '');
  for (const name of file.split('/').filter((part) => part !== '' && part !== '.')) {
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined) throw outside(file);
  }
  return names.join('/');
}

function outside(file: string): LockstepError {
  return new LockstepError('InvalidManifests', `the values ${JSON.stringify(file)} are no file of the repository`);
}

/** What of a repository a render has looked at: by path, what was there. */
export type Looked = ReadonlyMap<string, string>;

/** The same view, and what is looked at through it. */
export function looking(view: RepositoryView): { view: RepositoryView; looked: Map<string, string> } {
  const looked = new Map<string, string>();
  return {
    looked,
    view: (path) => {
      const node = view(path);
      looked.set(path, signOf(node));
      return node;
    },
  };
}

function signOf(node: ReturnType<RepositoryView>): string {
  if (node.kind === 'nothing') return 'nothing';
  // What is in the files of a folder matters only to who looks at them.
  if (node.kind === 'folder')
    return `folder ${hashText(node.names.map(({ name, kind }) => `${kind} ${name}`).join('\n'))}`;
  return `${node.kind} ${node.oid}`;
}

/** Whether everything that a render has looked at is still the same: then its outcome is. */
export function isUnchanged(looked: Looked, view: RepositoryView): boolean {
  for (const [path, sign] of looked) if (signOf(view(path)) !== sign) return false;
  return true;
}

/** All of it in one word. */
export function keyOfLooked(looked: Looked): string {
  return hashText(
    [...looked]
      .map(([path, sign]) => `${path} ${sign}`)
      .sort()
      .join('\n'),
  );
}

/** All of it in one word, without the cluster: no release begins because that serves something else. */
export function askedBy(request: RenderRequest): string {
  if ('kustomize' in request) return hashText(toJson(request));
  const { helm } = request;
  return hashText(toJson({ ...helm, values: helm.values.map(({ name, text }) => [name, text ?? null]) }));
}

/** What a render is known by: equal keys are equal inputs. */
export function renderKey(asked: string, looked: Looked): string {
  return hashText(`${asked} ${keyOfLooked(looked)}`);
}
