import { describe, expect, it } from 'vitest';
import { createLineage } from '../../../agent/lineage.ts';
import { createRegistry } from '../../../agent/registry.ts';
import { type Limits, unlimited } from '../../../sync/limits.ts';
import { fieldManager, shortUid } from '../../../sync/stamp.ts';
import type { KubeObject } from '../../../sync/types.ts';

/** A Delivery, made by another one where that is said. */
function delivery(name: string, parent?: string, more: { namespace?: string; kubeconfig?: string } = {}): KubeObject {
  const { namespace = 'shop' } = more;
  const by =
    parent === undefined
      ? {}
      : {
          labels: { 'lockstep.dev/delivery': shortUid(parent) },
          annotations: { 'lockstep.dev/owner': `team/${parent}` },
          managedFields: [{ manager: fieldManager(parent), operation: 'Apply', fieldsV1: {} }],
        };
  return {
    apiVersion: 'lockstep.dev/v1alpha1',
    kind: 'Delivery',
    metadata: { name, namespace, uid: name, ...by },
    spec: { source: { url: 'https://h/r' } },
  } as unknown as KubeObject;
}

const strict: Limits = { ...unlimited, namespaces: ['.'], clusters: [] };
const of = (uid: string, namespace = 'shop') => ({ uid, namespace, kubeconfig: undefined });

function lineage(...deliveries: readonly KubeObject[]) {
  const registry = createRegistry();
  for (const one of deliveries) registry.take(one);
  return createLineage(registry, (namespace) => (namespace === 'team' ? strict : unlimited));
}

describe('the Deliveries above one', () => {
  const parent = { ...delivery('parent'), metadata: { name: 'parent', namespace: 'team', uid: 'parent' } };

  it('limit it, wherever it lives', () => {
    const { limits, above } = lineage(parent, delivery('child', 'parent'));
    expect(above('child')).toEqual(['Delivery team/parent']);
    expect(limits(of('child')).above).toEqual([{ limits: strict, own: 'team' }]);
    expect(() => limits({ ...of('child'), kubeconfig: 'far' })).toThrow(/other clusters are not allowed/);
    expect(limits(of('parent', 'team'))).toEqual(strict);
  });

  it('limit it also when they are gone, or are not served here', () => {
    const { limits, above } = lineage(delivery('child', 'parent'), delivery('grandchild', 'child'));
    expect(above('child')).toEqual([]);
    for (const uid of ['child', 'grandchild'])
      expect(limits(of(uid)).above, uid).toEqual([{ limits: strict, own: 'team' }]);
  });

  it('are none where somebody has copied the label alone', () => {
    const copied = delivery('copied', 'parent');
    const { managedFields: _none, ...metadata } = copied.metadata as unknown as Record<string, unknown>;
    const { limits } = lineage(parent, { ...copied, metadata } as unknown as KubeObject);
    expect(limits(of('copied'))).toEqual(unlimited);
  });

  it('are told to be too many, and none for one that manages itself', () => {
    const chain = Array.from({ length: 13 }, (_, i) => delivery(`d${i}`, i === 0 ? undefined : `d${i - 1}`));
    const { above } = lineage(...chain);
    expect(above('d10')).toHaveLength(10);
    expect(above('d12')).toMatchObject({ code: 'NotAllowed' });
    expect(lineage(delivery('self', 'self')).above('self')).toEqual([]);
  });
});
