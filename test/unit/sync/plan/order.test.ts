import { describe, expect, it } from 'vitest';
import { arrange, waveProblem } from '../../../../sync/plan/order.ts';
import { object } from '../support/objects.ts';

describe('order', () => {
  it('pulls namespaces and CRDs forward to their first user', () => {
    const late = { 'lockstep.dev/wave': '9' };
    const crd = object('CustomResourceDefinition', 'w', {
      annotations: late,
      spec: { group: 'x.io', names: { kind: 'W' } },
    });
    const user = object('W', 'w', {
      apiVersion: 'x.io/v1',
      annotations: { 'argocd.argoproj.io/sync-wave': '-2' },
      namespace: 'inner',
    });
    const namespace = object('Namespace', 'inner', { annotations: late });
    const unused = object('Namespace', 'other', { annotations: late });
    expect(arrange([crd, user, namespace, unused]).map((place) => place.wave)).toEqual([-2, -2, -2, 9]);
  });

  it('takes our own annotation before the peers', () => {
    const both = object('ConfigMap', 'a', {
      annotations: { 'lockstep.dev/wave': '1', 'argocd.argoproj.io/sync-wave': '2' },
    });
    expect(arrange([both])[0]?.wave).toBe(1);
  });

  it('puts what others need first', () => {
    const kinds = ['Namespace', 'ServiceAccount', 'ConfigMap', 'Deployment', 'HorizontalPodAutoscaler', 'APIService'];
    const steps = arrange(kinds.map((kind) => object(kind, 'a'))).map((place) => place.step);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(new Set(steps).size).toBe(kinds.length);
  });

  it.each(['', 'one', '1.5', '1e3', '99999999999'])('refuses the wave %j', (wave) => {
    expect(waveProblem(object('ConfigMap', 'a', { annotations: { 'lockstep.dev/wave': wave } }))).toContain(
      'must be a whole number',
    );
  });
});
