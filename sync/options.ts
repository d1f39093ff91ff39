import type { KnownName } from './annotations.ts';
import { annotation, type KubeObject, label } from './types.ts';

/** The options that Argo CD has in one annotation, with commas between. */
function syncOptions(manifest: KubeObject): string[] {
  return parts(annotation(manifest, 'argocd.argoproj.io/sync-options'));
}

/** Whether an object has an option of Argo CD. */
function hasSyncOption(manifest: KubeObject, option: string): boolean {
  return syncOptions(manifest).includes(option);
}

/** The words of a value with commas between. */
export function parts(text: string | undefined): string[] {
  return (text ?? '').split(',').map((part) => part.trim());
}

/** Flux reads its options from labels too, and in any case of letters. */
function fluxOption(manifest: KubeObject, name: KnownName): string | undefined {
  return (annotation(manifest, name) ?? label(manifest, name))?.toLowerCase();
}

/** Why an object is to be left alone: neither applied, healed, waited for nor deleted; undefined when it is not. */
export function leftAloneBy(object: KubeObject): string | undefined {
  for (const name of ['lockstep.dev/hook', 'argocd.argoproj.io/hook'] as const)
    if (annotation(object, name) === 'Skip') return `${name}: Skip`;
  return leftAloneByFlux(object);
}

/** The same for a live object: on it only Flux's own options count, as people set them by hand there. */
export function leftAloneByFlux(object: KubeObject): string | undefined {
  if (fluxOption(object, 'kustomize.toolkit.fluxcd.io/reconcile') === 'disabled')
    return 'kustomize.toolkit.fluxcd.io/reconcile: disabled';
  if (fluxOption(object, 'kustomize.toolkit.fluxcd.io/ssa') === 'ignore')
    return 'kustomize.toolkit.fluxcd.io/ssa: Ignore';
  return undefined;
}

/** Whether an object is only made where it is missing, and never changed or healed. */
export function isOnlyCreated(manifest: KubeObject): boolean {
  return fluxOption(manifest, 'kustomize.toolkit.fluxcd.io/ssa') === 'ifnotpresent';
}

/** Whether what others own of an object stays theirs, hand tools included. */
export function isMerged(manifest: KubeObject): boolean {
  return fluxOption(manifest, 'kustomize.toolkit.fluxcd.io/ssa') === 'merge';
}

/** Why an object must stay when it leaves Git, or undefined when it may be deleted. */
export function keptBy(manifest: KubeObject): string | undefined {
  if (annotation(manifest, 'lockstep.dev/prune') === 'disabled') return 'lockstep.dev/prune: disabled';
  if (hasSyncOption(manifest, 'Prune=false')) return 'argocd.argoproj.io/sync-options: Prune=false';
  if (fluxOption(manifest, 'kustomize.toolkit.fluxcd.io/prune') === 'disabled')
    return 'kustomize.toolkit.fluxcd.io/prune: disabled';
  if (annotation(manifest, 'helm.sh/resource-policy')?.toLowerCase().trim() === 'keep')
    return 'helm.sh/resource-policy: keep';
  return leftAloneByFlux(manifest);
}

/** Why an object must stay when the Delivery is deleted, beside what keeps it from any prune. */
export function keptOnDeleteBy(manifest: KubeObject): string | undefined {
  return hasSyncOption(manifest, 'Delete=false') ? 'argocd.argoproj.io/sync-options: Delete=false' : undefined;
}

/** Why an object only goes with a person's word when it leaves Git; undefined when it needs none. */
export function confirmedPruneBy(manifest: KubeObject): string | undefined {
  return hasSyncOption(manifest, 'Prune=confirm') ? 'argocd.argoproj.io/sync-options: Prune=confirm' : undefined;
}

/** The same for when the Delivery is deleted. */
export function confirmedDeleteBy(manifest: KubeObject): string | undefined {
  return hasSyncOption(manifest, 'Delete=confirm') ? 'argocd.argoproj.io/sync-options: Delete=confirm' : undefined;
}

/** Whether an object that leaves Git goes before anything else is applied: what comes may need its place. */
export function isPrunedFirst(manifest: KubeObject): boolean {
  return annotation(manifest, 'lockstep.dev/prune') === 'first';
}

/** Whether an object may be deleted and made again where a field of it can't be changed. */
export function mayBeReplaced(manifest: KubeObject): boolean {
  return (
    annotation(manifest, 'lockstep.dev/replace') === 'allowed' ||
    hasSyncOption(manifest, 'Force=true') ||
    fluxOption(manifest, 'kustomize.toolkit.fluxcd.io/force') === 'enabled'
  );
}

/** Whether fields that others own may be taken. */
export function isTakenOver(manifest: KubeObject): boolean {
  return annotation(manifest, 'lockstep.dev/adopt') === 'true' || hasSyncOption(manifest, 'Replace=true');
}

/** Whether the kind of an object may come to be while the release is under way: made by an operator that it brings. */
export function mayBeUnserved(manifest: KubeObject): boolean {
  return hasSyncOption(manifest, 'SkipDryRunOnMissingResource=true');
}

/** Whether the health of an object does not count. */
export function isHealthIgnored(object: KubeObject): boolean {
  return (
    annotation(object, 'lockstep.dev/health') === 'ignore' ||
    // A Delivery that manages itself would wait for itself.
    annotation(object, 'lockstep.dev/self') === 'managed' ||
    annotation(object, 'argocd.argoproj.io/ignore-healthcheck') === 'true'
  );
}
