import { at, textAt } from '../../diff/json.ts';
import { gateOf, isForward, phasesOf } from '../hooks/phases.ts';
import { annotation, groupOf, type KubeObject, keyOf, refOf, titleOf } from '../types.ts';
import { type Link, linksOf, type Placeable } from './links.ts';

/** Where an object stands in the order of a release: waves are gated by health, steps inside a wave are not. */
export interface Place {
  /** The wave among those of all phases; see `gateOf`. */
  readonly wave: number;
  readonly step: number;
  /** The keys of objects that must be healthy before it is applied. */
  readonly after?: readonly string[];
}

/** The place alone, out of what stands at it. */
export function placeOf({ wave, step, after }: Place): Place {
  return after === undefined ? { wave, step } : { wave, step, after };
}

export function isSamePlace(a: Place, b: Place): boolean {
  return a.wave === b.wave && a.step === b.step && (a.after ?? []).join() === (b.after ?? []).join();
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
  RuntimeClass: 1,
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
  MutatingAdmissionPolicyBinding: 5,
  APIService: 5,
};

const workloadStep = 3;

const waveNames = ['lockstep.dev/wave', 'argocd.argoproj.io/sync-wave', 'helm.sh/hook-weight'] as const;

/** The wave that an annotation asks for, own prefix first; 0 without one. Helm's weight is one of its hooks only. */
function waveOf(manifest: KubeObject): number {
  const isHelmHook = annotation(manifest, 'helm.sh/hook') !== undefined;
  const texts = waveNames.map((name) =>
    name === 'helm.sh/hook-weight' && !isHelmHook ? undefined : annotation(manifest, name),
  );
  const wave = Number(texts.find((text) => text !== undefined) ?? '0');
  return Number.isSafeInteger(wave) ? wave : 0;
}

/** What is wrong with the wave that a manifest asks for, if anything. */
export function waveProblem(manifest: KubeObject): string | undefined {
  for (const name of waveNames) {
    const text = annotation(manifest, name);
    if (text !== undefined && !/^[-+]?\d{1,9}$/.test(text))
      return `${name} must be a whole number, not ${JSON.stringify(text)}`;
  }
  return undefined;
}

/**
 * Places every object. Namespaces and CRDs are pulled forward to the wave of their first user, so that a wave on them can
 * never make their own content fail. What depends on something by annotation comes in no earlier wave than that, and
 * inside a wave everything comes in a later step than what it needs.
 */
export function arrange(items: readonly Placeable[]): Place[] {
  const waves = pulledForward(items);
  const links = linksOf(items);
  const places: Place[] = items.map(({ manifest }, index) => ({
    wave: waves[index] ?? 0,
    step: stepsByKind[manifest.kind] ?? workloadStep,
  }));
  for (const index of links.order) {
    const needed = links.of[index] ?? [];
    const own = places[index];
    if (own !== undefined && needed.length > 0) places[index] = placed(items, places, own, needed);
  }
  return places;
}

/** A place behind everything that is needed. Only what is asked for by name moves a wave; the rest moves steps inside one. */
function placed(items: readonly Placeable[], places: readonly Place[], own: Place, needed: readonly Link[]): Place {
  const of = ({ to }: Link): Place => places[to] ?? own;
  const gated = needed.filter(({ isGated }) => isGated);
  const wave = gated.reduce((latest, link) => Math.max(latest, of(link).wave), own.wave);
  const step = needed.reduce(
    (latest, link) => (of(link).wave === wave ? Math.max(latest, of(link).step + 1) : latest),
    own.step,
  );
  const after = gated.map(({ to }) => items[to]?.key ?? '');
  return after.length === 0 ? { wave, step } : { wave, step, after };
}

/** The wave of each object, Namespaces and CRDs moved to that of their first user. */
function pulledForward(items: readonly Placeable[]): number[] {
  const waves = items.map(({ manifest, phase }) => gateOf(phase, waveOf(manifest)));
  // Hardly any revision brings what others live in.
  if (!items.some(({ manifest }) => isHome(manifest))) return waves;
  const firstUse = new Map<string, number>();
  const note = (need: string, wave: number): void => {
    firstUse.set(need, Math.min(wave, firstUse.get(need) ?? wave));
  };
  items.forEach(({ manifest }, index) => {
    const wave = waves[index] ?? 0;
    if (!isForward(wave)) return;
    note(`type ${groupOf(manifest.apiVersion)}/${manifest.kind}`, wave);
    if (manifest.metadata.namespace !== undefined) note(`namespace ${manifest.metadata.namespace}`, wave);
  });
  return items.map(({ manifest }, index) => {
    const used = isHome(manifest) ? firstUse.get(providedBy(manifest)) : undefined;
    return Math.min(waves[index] ?? 0, used ?? Number.POSITIVE_INFINITY);
  });
}

function isHome({ kind }: KubeObject): boolean {
  return kind === 'Namespace' || kind === 'CustomResourceDefinition';
}

/** What a Namespace or CRD provides, in the words of `firstUse`. */
function providedBy(manifest: KubeObject): string {
  if (manifest.kind === 'Namespace') return `namespace ${manifest.metadata.name}`;
  return `type ${textAt(manifest, 'spec', 'group') ?? ''}/${at(manifest, 'spec', 'names', 'kind') ?? ''}`;
}

/** An object in the phase that it has, or the first of them. */
export function placeable(manifest: KubeObject): Placeable {
  return { key: keyOf(refOf(manifest)), manifest, phase: phasesOf(manifest, false)[0] ?? 'Sync' };
}

/** What is wrong with what objects depend on by annotation: names that mean nothing, and circles. */
export function orderProblems(items: readonly Placeable[]): { object: string; message: string }[] {
  const problems: { object: string; message: string }[] = [];
  linksOf(items, (index, message) => {
    const item = items[index];
    if (item !== undefined) problems.push({ object: titleOf(refOf(item.manifest)), message });
  });
  return problems;
}
