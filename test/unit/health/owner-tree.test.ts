import { describe, expect, it } from 'vitest';
import { byOwner, type Owned, ownerTree } from '../../../health/owner-tree.ts';
import type { KubeObject } from '../../../sync/types.ts';

/** An object, and the uids of those that are named as its owners: the first one made it. */
function object(kind: string, uid: string, ...owners: string[]): KubeObject {
  const ownerReferences = owners.map((one, index) => ({ uid: one, controller: index === 0 }));
  return { apiVersion: 'v1', kind, metadata: { name: uid, uid, ownerReferences } } as unknown as KubeObject;
}

const shape = ({ object: { metadata }, children }: Owned): string =>
  children.length === 0 ? metadata.name : `${metadata.name}(${children.map(shape).join(' ')})`;
const treeOf = (root: KubeObject, made: KubeObject[]): string => shape(ownerTree(root, byOwner(made), { now: 0 }));

describe('what an object has made', () => {
  it('is shown below it, down to pods, without ReplicaSets that have none', () => {
    const made = [
      object('ReplicaSet', 'old', 'web'),
      object('ReplicaSet', 'new', 'web'),
      object('Pod', 'a', 'new'),
      object('Pod', 'b', 'new'),
      object('Pod', 'stranger', 'other'),
    ];
    expect(treeOf(object('Deployment', 'web'), made)).toBe('web(new(a b))');
  });

  it('is what it controls: who else is named as an owner made nothing', () => {
    const layers = Array.from({ length: 12 }, (_layer, depth) =>
      [0, 1, 2, 3].map((n) =>
        object('Pod', `${depth}-${n}`, ...[0, 1, 2, 3].map((up) => `${depth - 1}-${(n + up) % 4}`)),
      ),
    ).flat();
    const started = performance.now();
    expect(treeOf(object('Job', '-1-0'), layers)).toBe('-1-0(0-0(1-0))');
    expect(performance.now() - started).toBeLessThan(100);
  });

  it('ends, also where objects say that they made each other', () => {
    const made = [object('Pod', 'a', 'b'), object('Pod', 'b', 'a'), object('Pod', 'self', 'self')];
    expect(treeOf(object('Pod', 'self'), made)).toBe('self(self(self))');
    expect(treeOf(object('Pod', 'a'), made)).toBe('a(b(a))');
  });
});
