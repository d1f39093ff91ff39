import type { KubeObject } from '../../../sync/types.ts';
import { type Kube, until } from './kube.ts';

/** Makes the kind Application of Argo CD known, as far as reading one needs it. */
export async function serveApplications(kube: Kube): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const versions = [{ name: 'v1alpha1', served: true, storage: true, schema }];
  const names = { plural: 'applications', singular: 'application', kind: 'Application' };
  await kube.apply({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'applications.argoproj.io' },
    spec: { group: 'argoproj.io', scope: 'Namespaced', names, versions },
  } as unknown as KubeObject);
  const path = '/apis/argoproj.io/v1alpha1/applications';
  const isServed = () =>
    kube.http.request({ method: 'GET', path }).then(
      () => true,
      () => false,
    );
  await until('Applications are served', isServed);
}
