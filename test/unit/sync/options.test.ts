import { describe, expect, it } from 'vitest';
import {
  isHealthIgnored,
  isMerged,
  isOnlyCreated,
  isPrunedFirst,
  isTakenOver,
  keptBy,
  leftAloneBy,
  mayBeReplaced,
  mayBeUnserved,
} from '../../../sync/options.ts';
import { object } from './support/objects.ts';

const annotated = (annotations: Record<string, string>) => object('ConfigMap', 'a', { annotations });
const argo = (text: string) => annotated({ 'argocd.argoproj.io/sync-options': text });
const flux = (name: string, value: string) => annotated({ [`kustomize.toolkit.fluxcd.io/${name}`]: value });

describe('what annotations ask for', () => {
  it.each([
    [annotated({ 'lockstep.dev/prune': 'disabled' }), 'lockstep.dev/prune: disabled'],
    [argo('Replace=true, Prune=false'), 'argocd.argoproj.io/sync-options: Prune=false'],
    [flux('prune', 'Disabled'), 'kustomize.toolkit.fluxcd.io/prune: disabled'],
    [annotated({ 'helm.sh/resource-policy': 'keep' }), 'helm.sh/resource-policy: keep'],
    [flux('reconcile', 'disabled'), 'kustomize.toolkit.fluxcd.io/reconcile: disabled'],
    [argo('Prune=true'), undefined],
    [annotated({}), undefined],
  ])('%j is kept by %s', (manifest, reason) => {
    expect(keptBy(manifest)).toBe(reason);
  });

  it('may stand in a label where it is one of Flux', () => {
    const labels = { 'kustomize.toolkit.fluxcd.io/ssa': 'Ignore' };
    const labelled = { ...object('ConfigMap', 'a'), metadata: { name: 'a', labels } };
    expect(leftAloneBy(labelled)).toBe('kustomize.toolkit.fluxcd.io/ssa: Ignore');
  });

  it.each([
    ['Skip', 'lockstep.dev/hook: Skip'],
    ['Skip,PreSync', undefined],
    ['PreSync', undefined],
  ])('a hook %s is left alone by %s', (words, reason) => {
    expect(leftAloneBy(annotated({ 'lockstep.dev/hook': words }))).toBe(reason);
  });

  it.each([
    ['mayBeReplaced', mayBeReplaced, annotated({ 'lockstep.dev/replace': 'allowed' })],
    ['mayBeReplaced', mayBeReplaced, argo('Force=true')],
    ['mayBeReplaced', mayBeReplaced, flux('force', 'Enabled')],
    ['isTakenOver', isTakenOver, argo('Replace=true')],
    ['isTakenOver', isTakenOver, annotated({ 'lockstep.dev/adopt': 'true' })],
    ['mayBeUnserved', mayBeUnserved, argo('SkipDryRunOnMissingResource=true')],
    ['isPrunedFirst', isPrunedFirst, annotated({ 'lockstep.dev/prune': 'first' })],
    ['isOnlyCreated', isOnlyCreated, flux('ssa', 'IfNotPresent')],
    ['isMerged', isMerged, flux('ssa', 'Merge')],
    ['isHealthIgnored', isHealthIgnored, annotated({ 'argocd.argoproj.io/ignore-healthcheck': 'true' })],
  ] as const)('%s is true where it is asked for: %#', (_name, isAsked, manifest) => {
    expect(isAsked(manifest)).toBe(true);
    expect(isAsked(annotated({}))).toBe(false);
  });

  it('Replace alone replaces nothing', () => {
    expect(mayBeReplaced(argo('Replace=true'))).toBe(false);
  });
});
