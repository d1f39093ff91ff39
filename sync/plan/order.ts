import { at, textAt } from '../../diff/json.ts';
import { annotation, groupOf, type KubeObject } from '../types.ts';

/** Where an object stands in the order of a release: waves are gated by health, steps inside a wave are not. */
export interface Place {
  readonly wave: number;
  readonly step: number;
}

/** The step of what must be there, and served, before anything can be in it: its health is waited for. */
export const foundationStep = 0;

/** Steps by what kinds imply: what others need first, what looks at others last. */
const stepsByKind: Readonly<Record<string, number>> = {
  Namespace: foundationStep,
  CustomResourceDefinition: foundationStep,
  ServiceAccount: 1,
  Role: 1,
  ClusterRole: 1,
  RoleBinding: 2,
  ClusterRoleBinding: 2,
  NetworkPolicy: 1,
  ResourceQuota: 1,
  LimitRange: 1,
  PriorityClass: 1,
  StorageClass: 1,
  IngressClass: 1,
  PersistentVolume: 1,
  PersistentVolumeClaim: 2,
  ConfigMap: 2,
  Secret: 2,
  Service: 2,
  HorizontalPodAutoscaler: 4,
  PodDisruptionBudget: 4,
  Ingress: 4,
  ValidatingWebhookConfiguration: 5,
  MutatingWebhookConfiguration: 5,
  ValidatingAdmissionPolicyBinding: 5,
  APIService: 5,
};

const workloadStep = 3;

/** The wave that an annotation asks for, own prefix first; 0 without one. */
function waveOf(manifest: KubeObject): number {
  const text = annotation(manifest, 'lockstep.dev/wave') ?? annotation(manifest, 'argocd.argoproj.io/sync-wave') ?? '0';
  const wave = Number(text);
  return Number.isSafeInteger(wave) ? wave : 0;
}

/** What is wrong with the wave that a manifest asks for, if anything. */
export function waveProblem(manifest: KubeObject): string | undefined {
  for (const name of ['lockstep.dev/wave', 'argocd.argoproj.io/sync-wave'] as const) {
    const text = annotation(manifest, name);
    if (text !== undefined && !/^[-+]?\d{1,9}$/.test(text))
      return `${name} must be a whole number, not ${JSON.stringify(text)}`;
  }
  return undefined;
}

/**
 * Places every object. Namespaces and CRDs are pulled forward to the wave of their first user, so that a wave on them can
 * never make their own content fail.
 */
export function arrange(manifests: readonly KubeObject[]): Place[] {
  const places = manifests.map((manifest) => ({
    wave: waveOf(manifest),
    step: stepsByKind[manifest.kind] ?? workloadStep,
  }));
  // Hardly any revision brings what others live in.
  if (!manifests.some(({ kind }) => kind === 'Namespace' || kind === 'CustomResourceDefinition')) return places;
  const firstUse = new Map<string, number>();
  const note = (need: string, wave: number): void => {
    firstUse.set(need, Math.min(wave, firstUse.get(need) ?? wave));
  };
  manifests.forEach((manifest, index) => {
    const wave = places[index]?.wave ?? 0;
    note(`type ${groupOf(manifest.apiVersion)}/${manifest.kind}`, wave);
    if (manifest.metadata.namespace !== undefined) note(`namespace ${manifest.metadata.namespace}`, wave);
  });
  return places.map(({ wave, step }, index) => {
    const manifest = manifests[index];
    const used = manifest === undefined ? undefined : firstUse.get(needOf(manifest));
    return { wave: Math.min(wave, used ?? Number.POSITIVE_INFINITY), step };
  });
}

/** What a Namespace or CRD provides, in the words of `firstUse`. */
function needOf(manifest: KubeObject): string {
  if (manifest.kind === 'Namespace') return `namespace ${manifest.metadata.name}`;
  if (manifest.kind === 'CustomResourceDefinition') {
    return `type ${textAt(manifest, 'spec', 'group') ?? ''}/${at(manifest, 'spec', 'names', 'kind') ?? ''}`;
  }
  return 'nothing';
}
