import { describe, expect, it } from 'vitest';
import { gateOf } from '../../../../sync/hooks/phases.ts';
import { arrange, orderProblems, type Place, placeable, waveProblem } from '../../../../sync/plan/order.ts';
import type { KubeObject } from '../../../../sync/types.ts';
import { object } from '../support/objects.ts';

const placesOf = (...manifests: KubeObject[]): Place[] => arrange(manifests.map(placeable));
const problemsOf = (...manifests: KubeObject[]): string[] =>
  orderProblems(manifests.map(placeable)).map(({ object: title, message }) => `${title}: ${message}`);
const dependsOn = (...names: string[]) => ({ 'config.kubernetes.io/depends-on': names.join(', ') });
const map = (name: string, ...needs: string[]): KubeObject =>
  object('ConfigMap', name, {
    namespace: 'n',
    ...(needs.length === 0
      ? {}
      : { annotations: dependsOn(...needs.map((need) => `/namespaces/n/ConfigMap/${need}`)) }),
  });

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
    expect(placesOf(crd, user, namespace, unused).map((place) => place.wave)).toEqual([-2, -2, -2, 9]);
  });

  it('takes our own annotation before the peers', () => {
    const both = object('ConfigMap', 'a', {
      annotations: { 'lockstep.dev/wave': '1', 'argocd.argoproj.io/sync-wave': '2' },
    });
    expect(placesOf(both)[0]?.wave).toBe(1);
  });

  it('puts what others need first', () => {
    const kinds = ['Namespace', 'ServiceAccount', 'ConfigMap', 'Deployment', 'HorizontalPodAutoscaler', 'APIService'];
    const steps = placesOf(...kinds.map((kind) => object(kind, 'a'))).map((place) => place.step);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(new Set(steps).size).toBe(kinds.length);
  });

  it.each(['', 'one', '1.5', '1e3', '99999999999'])('refuses the wave %j', (wave) => {
    expect(waveProblem(object('ConfigMap', 'a', { annotations: { 'lockstep.dev/wave': wave } }))).toContain(
      'must be a whole number',
    );
  });

  it("takes Helm's weight for its hooks only", () => {
    const weight = { 'helm.sh/hook-weight': '7' };
    const plain = object('Job', 'a', { annotations: weight });
    const hook = object('Job', 'b', { annotations: { ...weight, 'helm.sh/hook': 'pre-upgrade' } });
    expect(placesOf(plain, hook).map((place) => place.wave)).toEqual([0, gateOf('PreSync', 7)]);
  });

  it('pulls a namespace forward to the phase of the hook that lives in it', () => {
    const hook = object('Job', 'a', { namespace: 'inner', annotations: { 'lockstep.dev/hook': 'PreSync' } });
    expect(placesOf(object('Namespace', 'inner'), hook)[0]?.wave).toBe(gateOf('PreSync', 0));
  });

  it('puts what depends on something behind it, and waits for its health', () => {
    const [a, b, c] = placesOf(map('a', 'b'), map('b', 'c'), map('c'));
    expect([a, b, c]).toEqual([
      { wave: 0, step: 4, after: ['/ConfigMap/n/b'] },
      { wave: 0, step: 3, after: ['/ConfigMap/n/c'] },
      { wave: 0, step: 2 },
    ]);
  });

  it('moves what depends on something into its wave, never the other way round', () => {
    const late = object('ConfigMap', 'late', { namespace: 'n', annotations: { 'lockstep.dev/wave': '3' } });
    expect(placesOf(map('a', 'late'), late).map((place) => place.wave)).toEqual([3, 3]);
  });

  it('knows names of the core, of groups, and outside of namespaces', () => {
    const needs = dependsOn('apps/namespaces/n/Deployment/web', 'rbac.authorization.k8s.io/ClusterRole/all');
    const [, , user] = placesOf(
      object('Deployment', 'web', { apiVersion: 'apps/v1', namespace: 'n' }),
      object('ClusterRole', 'all', { apiVersion: 'rbac.authorization.k8s.io/v1' }),
      object('ConfigMap', 'a', { namespace: 'n', annotations: needs }),
    );
    expect(user?.after).toEqual(['apps/Deployment/n/web', 'rbac.authorization.k8s.io/ClusterRole//all']);
  });

  it('names a circle, and what is not there', () => {
    expect(problemsOf(map('a', 'b'), map('b', 'c'), map('c', 'a'))).toEqual([
      'ConfigMap n/a: depends on itself: ConfigMap n/a → ConfigMap n/b → ConfigMap n/c → ConfigMap n/a',
    ]);
    expect(problemsOf(map('a', 'a'))).toEqual(['ConfigMap n/a: depends on itself: ConfigMap n/a → ConfigMap n/a']);
    expect(problemsOf(map('a', 'gone'))).toEqual([
      'ConfigMap n/a: config.kubernetes.io/depends-on: /namespaces/n/ConfigMap/gone is not in this revision',
    ]);
    const nonsense = object('ConfigMap', 'a', { annotations: dependsOn('web') });
    expect(problemsOf(nonsense)[0]).toContain('"web" is neither GROUP/namespaces/NAMESPACE/KIND/NAME');
  });

  it('names a circle of what was asked for and what kinds imply', () => {
    const settings = object('ConfigMap', 'settings', {
      namespace: 'n',
      annotations: dependsOn('apps/namespaces/n/Deployment/web'),
    });
    const volumes = [{ name: 'v', configMap: { name: 'settings' } }];
    const web = object('Deployment', 'web', {
      apiVersion: 'apps/v1',
      namespace: 'n',
      spec: { template: { spec: { volumes } } },
    });
    expect(problemsOf(settings, web)).toEqual([
      'ConfigMap n/settings: depends on itself: ConfigMap n/settings → Deployment n/web → ConfigMap n/settings',
    ]);
  });

  it('does not wait for what only runs when something fails', () => {
    const hook = object('Job', 'clean', {
      apiVersion: 'batch/v1',
      namespace: 'n',
      annotations: { 'lockstep.dev/hook': 'SyncFail' },
    });
    const user = object('ConfigMap', 'a', { annotations: dependsOn('batch/namespaces/n/Job/clean') });
    expect(problemsOf(hook, user)).toEqual([
      'ConfigMap a: config.kubernetes.io/depends-on: batch/namespaces/n/Job/clean only runs in the phase SyncFail',
    ]);
  });

  it.each<[string, KubeObject, KubeObject]>([
    [
      'a claim before a workload that mounts it, where it would come with it',
      object('Claim', 'c', { apiVersion: 'x.io/v1', namespace: 'n', annotations: dependsOn('/namespaces/n/Secret/s') }),
      object('Secret', 's', { namespace: 'n' }),
    ],
    [
      'an object of an API that the revision brings behind the APIService',
      object('Metric', 'm', { apiVersion: 'metrics.x.io/v1', namespace: 'n' }),
      object('APIService', 'v1.metrics.x.io', {
        apiVersion: 'apiregistration.k8s.io/v1',
        spec: { group: 'metrics.x.io', version: 'v1', service: { name: 's', namespace: 'n' } },
      }),
    ],
    [
      'a binding behind its role',
      object('RoleBinding', 'b', {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        namespace: 'n',
      }),
      object('Role', 'r', { apiVersion: 'rbac.authorization.k8s.io/v1', namespace: 'n' }),
    ],
  ])('puts %s', (_name, later, earlier) => {
    const [after, before] = placesOf(later, earlier);
    expect(after?.step).toBeGreaterThan(before?.step ?? Number.NaN);
  });

  it('places ten thousand objects in a chain without running out of stack', () => {
    const chain = Array.from({ length: 10_000 }, (_, index) =>
      index === 0 ? map('m0') : map(`m${index}`, `m${index - 1}`),
    );
    expect(placesOf(...chain.reverse())[0]?.step).toBe(2 + 9_999);
  });
});
