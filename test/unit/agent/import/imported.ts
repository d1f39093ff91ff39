import { importAll } from '../../../../agent/cli/import/all.ts';
import { readDelivery } from '../../../../sync/delivery/delivery.ts';
import { parseYaml } from '../../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../../sync/types.ts';

/** What objects come to, and what is told of them. */
export function imported(text: string) {
  const { manifests, notes } = importAll(parseYaml(text) as KubeObject[], { isActive: true });
  // What is written can be read.
  for (const manifest of manifests) readDelivery(manifest);
  const told = notes.filter(({ kind }) => kind !== 'maps').map(({ kind, field }) => `${kind} ${field}`);
  return { manifests, specs: manifests.map((one) => one['spec'] as Record<string, unknown>), told, notes };
}

/** An Application of Argo CD. */
export const application = (spec: string, metadata = '') => `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd${metadata}}
spec:
  project: default
  destination: {server: "https://kubernetes.default.svc", namespace: web}
${spec}`;
