import { describe, expect, it } from 'vitest';
import { mayTake } from '../../../../sync/apply/filters/conflicts.ts';
import type { KubeObject } from '../../../../sync/types.ts';
import { object } from '../support/objects.ts';

describe('a conflict', () => {
  const manifest = object('Deployment', 'web', { spec: { replicas: 1, containers: [{ name: 'a', image: 'x' }] } });
  const dotted = {
    ...object('ConfigMap', 'a', {
      spec: { ports: [{ containerPort: 80, name: 'web' }], args: [{ key: 'a]b', value: 1 }] },
    }),
    metadata: { name: 'a', labels: { 'app.kubernetes.io/name': 'x' } },
    data: { 'nginx.conf': 'x' },
  } as unknown as KubeObject;
  it.each([
    ['kubectl-edit', 'spec.replicas', false, undefined, true],
    ['kubectl-client-side-apply', 'spec.replicas', false, undefined, true],
    ['before-first-apply', 'spec.replicas', false, undefined, true],
    ['kubectl-rollout', 'spec.replicas', false, undefined, false],
    ['autoscaler', 'spec.replicas', false, undefined, false],
    ['autoscaler', 'spec.replicas', false, manifest, true],
    ['autoscaler', 'spec.containers[name="a"].image', false, manifest, true],
    ['autoscaler', 'spec.containers[name="b"].image', false, manifest, false],
    ['lockstep-other', 'spec.replicas', false, manifest, false],
    ['lockstep-other', 'spec.replicas', true, undefined, true],
    ['dashboard', 'data.nginx.conf', false, dotted, true],
    ['dashboard', 'data.nginx', false, dotted, false],
    ['dashboard', 'metadata.labels.app.kubernetes.io/name', false, dotted, true],
    ['dashboard', 'spec.ports[containerPort=80,protocol="TCP"].name', false, dotted, true],
    ['dashboard', 'spec.args[key="a]b"].value', false, dotted, true],
  ])('with %s about %s (adopt: %s) is ours to take: %s', (manager, field, adopt, previous, expected) => {
    expect(mayTake({ manager, field }, { adopt, previous: previous === undefined ? [] : [previous] })).toBe(expected);
  });
});
