import { toJson } from '../../diff/json.ts';
import type { KustomizeSpec } from '../delivery/render-schema.ts';

/**
 * A kustomization over another one, with what a Delivery asks for: as JSON, which is YAML. It stands beside the repository.
 * @param path the folder that it is laid over
 * @param manifests the files of that folder, where it has no kustomization of its own
 */
export function overlayOf(
  { labels, annotations, components = [], ...settings }: KustomizeSpec,
  path: string,
  manifests: readonly string[] | undefined,
): string {
  const base = path === '' ? '../repo' : `../repo/${path}`;
  return toJson({
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: manifests === undefined ? [base] : manifests.map((file) => `${base}/${file}`),
    components: components.map((component) => `${base}/${component}`),
    ...(labels === undefined ? {} : { labels: [{ pairs: labels, includeSelectors: false, includeTemplates: true }] }),
    ...(annotations === undefined ? {} : { commonAnnotations: annotations }),
    ...settings,
  });
}
