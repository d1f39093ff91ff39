import { parseYaml } from '../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { type Kube, until } from './kube.ts';
import { customKind } from './manifests.ts';

/** Makes the kind Application of Argo CD known, as far as reading one needs it. */
export async function serveApplications(kube: Kube): Promise<void> {
  const schema = '{type: object, x-kubernetes-preserve-unknown-fields: true}';
  const [definition] = parseYaml(customKind('argoproj.io', 'Application', [{ name: 'v1alpha1', schema }]));
  await kube.apply(definition as KubeObject);
  const path = '/apis/argoproj.io/v1alpha1/applications';
  const isServed = () =>
    kube.http.request({ method: 'GET', path }).then(
      () => true,
      () => false,
    );
  await until('Applications are served', isServed);
}
