import { describe, expect, it } from 'vitest';
import { keepReason, pruneRefusal } from '../../../../sync/plan/prune.ts';
import { object } from '../support/objects.ts';

describe('prune', () => {
  it.each([
    ['Namespace', {}, /only pruned when somebody confirms it/],
    ['CustomResourceDefinition', {}, /only pruned when somebody confirms it/],
    ['PersistentVolumeClaim', {}, /only pruned when somebody confirms it/],
    ['ConfigMap', { 'lockstep.dev/prune': 'disabled' }, /lockstep/],
    ['ConfigMap', { 'argocd.argoproj.io/sync-options': 'Replace=true, Prune=false' }, /argocd/],
    ['ConfigMap', { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' }, /kustomize/],
    ['ConfigMap', { 'helm.sh/resource-policy': 'keep' }, /helm/],
  ])('keeps a %s with %j', (kind, annotations, reason) => {
    expect(keepReason(object(kind, 'a', { annotations }))).toMatch(reason);
  });

  it('deletes an ordinary object', () => {
    expect(keepReason(object('ConfigMap', 'a'))).toBeUndefined();
  });

  it.each([
    [0, 1, 1, 'EmptyRender'],
    [0, 0, 0, undefined],
    [4, 10, 6, 'TooManyPruned'],
    [5, 10, 5, undefined],
    [1, 9, 8, undefined],
  ])('with %i wanted, %i held and %i leaving: %s', (wanted, held, leaving, code) => {
    expect(pruneRefusal(wanted, held, leaving)?.code).toBe(code);
  });
});
