import { describe, expect, it } from 'vitest';
import { foreignOwner } from '../../../sync/stamp.ts';
import type { KubeObject } from '../../../sync/types.ts';

const live = (metadata: object, manager = 'kubectl'): KubeObject =>
  ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'shop',
      managedFields: [{ manager, operation: 'Apply', apiVersion: 'apps/v1', fieldsV1: {} }],
      ...metadata,
    },
  }) as unknown as KubeObject;

describe('the owner of an object', () => {
  const stamp = { labels: { 'lockstep.dev/delivery': 'abc' }, annotations: { 'lockstep.dev/owner': 'shop/app' } };
  const argo = (id: string) => ({ annotations: { 'argocd.argoproj.io/tracking-id': id } });

  it.each<[string, KubeObject, string | undefined]>([
    ['another Delivery', live(stamp, 'lockstep-abc'), 'the Delivery shop/app'],
    ['nobody, where the label was only copied', live(stamp), undefined],
    ['an Argo CD application', live(argo('shop:apps/Deployment:shop/web')), 'the Argo CD application shop'],
    ['nobody, where the id names what it was copied from', live(argo('shop:apps/Deployment:shop/other')), undefined],
    ['a Helm release', live({ annotations: { 'meta.helm.sh/release-name': 'r' } }), 'the Helm release r'],
    ['a Flux object', live({ labels: { 'kustomize.toolkit.fluxcd.io/name': 'k' } }), 'the Flux object k'],
    ['nobody', live({}), undefined],
  ])('is %s', (_name, object, owner) => {
    expect(foreignOwner(object, 'own')).toBe(owner);
  });

  it('is not foreign when it is we', () => {
    expect(foreignOwner(live({ labels: { 'lockstep.dev/delivery': 'own' } }, 'lockstep-own'), 'own')).toBeUndefined();
  });
});
