import { parseYaml } from '../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { type Kube, until } from './kube.ts';
import { customKind } from './manifests.ts';

/** A kind of another tool. */
interface ForeignKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const application: ForeignKind = { group: 'argoproj.io', version: 'v1alpha1', kind: 'Application' };
const flux: readonly ForeignKind[] = [
  { group: 'source.toolkit.fluxcd.io', version: 'v1', kind: 'GitRepository' },
  { group: 'kustomize.toolkit.fluxcd.io', version: 'v1', kind: 'Kustomization' },
  { group: 'helm.toolkit.fluxcd.io', version: 'v2', kind: 'HelmRelease' },
];

/** Makes the kind Application of Argo CD known, as far as reading one needs it. */
export function serveApplications(kube: Kube): Promise<void> {
  return serveKind(kube, application);
}

/** Makes kinds of Flux known in the same way. */
export async function serveFlux(kube: Kube): Promise<void> {
  for (const kind of flux) await serveKind(kube, kind);
}

/** Installs a kind whose objects may hold anything, and waits until it is served. */
export async function serveKind(kube: Kube, { group, version, kind }: ForeignKind): Promise<void> {
  const schema = '{type: object, x-kubernetes-preserve-unknown-fields: true}';
  const usual = `${kind.toLowerCase()}s`;
  const plural = usual.replace(/ys$/, 'ies');
  const [definition] = parseYaml(customKind(group, kind, [{ name: version, schema }]).replaceAll(usual, plural));
  await kube.apply(definition as KubeObject);
  const path = `/apis/${group}/${version}/${plural}`;
  const isServed = () =>
    kube.http.request({ method: 'GET', path }).then(
      () => true,
      () => false,
    );
  await until(`${kind} is served`, isServed);
}
