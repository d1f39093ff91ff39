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
    expect(keepReason(object(kind, 'a', { annotations }), undefined)).toMatch(reason);
  });

  it('deletes an ordinary object', () => {
    expect(keepReason(object('ConfigMap', 'a'), undefined)).toBeUndefined();
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

  it('asks for a word about more than half, also where there may be nothing at all', () => {
    expect(pruneRefusal(0, 9, 9, true)).toBeUndefined();
    expect(pruneRefusal(0, 50, 50, true)?.code).toBe('TooManyPruned');
  });

  const child = (deletion: 'confirm' | 'delete' | 'orphan') =>
    object('Delivery', 'a', {
      apiVersion: 'lockstep.dev/v1alpha1',
      annotations: deletion === 'confirm' ? {} : { 'lockstep.dev/prune': 'allowed' },
      spec: deletion === 'orphan' ? { deletionPolicy: 'orphan' } : {},
    });

  it.each([
    ['delete', 'delete', undefined],
    ['orphan', 'orphan', undefined],
    ['delete', undefined, undefined],
    ['delete', 'orphan', /deletion is orphan now, and was delete when it was made/],
    ['delete', 'confirm', /deletion is confirm now/],
    ['orphan', 'confirm', /deletion is confirm now, and was orphan/],
    ['orphan', 'delete', undefined],
    ['confirm', 'delete', /only pruned when somebody confirms it/],
    ['confirm', 'orphan', /only pruned when somebody confirms it/],
  ] as const)('of a Delivery that was made for %s is decided by what its set says now: %s', (made, now, reason) => {
    const kept = keepReason(child(made), now);
    if (reason === undefined) expect(kept).toBeUndefined();
    else expect(kept).toMatch(reason);
    expect(keepReason(child(made), now, true)).toBeUndefined();
  });
});
