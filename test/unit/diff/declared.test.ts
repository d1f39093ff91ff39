import { describe, expect, it } from 'vitest';
import { changeLine, compare } from '../../../diff/compare.ts';
import { asDeclared, foreignIn } from '../../../diff/declared.ts';
import type { JsonObject } from '../../../diff/json.ts';
import { isSameQuantity } from '../../../diff/quantity.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';

const yaml = (text: string): JsonObject => parseYaml(text)[0] as JsonObject;
const container = (fields: string): JsonObject =>
  yaml(`apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: [{name: web, ${fields}}]}}}\n`);

/** How a live object differs from what a manifest declares. */
function lines(live: JsonObject, manifest: JsonObject, own?: string): string[] {
  return compare(live, asDeclared(live, manifest, own)).map(changeLine);
}

describe('a live object, without the API server', () => {
  it.each<[string, JsonObject, JsonObject]>([
    ['defaults', container('image: a, imagePullPolicy: Always, resources: {}'), container('image: a')],
    [
      'variables of others between ours',
      container('env: [{name: a, value: "1"}, {name: x, value: "9"}, {name: b, value: "2"}]'),
      container('env: [{name: a, value: "1"}, {name: b, value: "2"}]'),
    ],
    [
      'quantities',
      container('resources: {limits: {cpu: "1", memory: 1Gi}}'),
      container('resources: {limits: {cpu: 1000m, memory: 1024Mi}}'),
    ],
    [
      'a protocol that is filled in',
      container('ports: [{containerPort: 80, protocol: TCP}]'),
      container('ports: [{containerPort: 80}]'),
    ],
    [
      'TCP and UDP on one port',
      container('ports: [{containerPort: 53, protocol: TCP}, {containerPort: 53, protocol: UDP}]'),
      container('ports: [{containerPort: 53}, {containerPort: 53, protocol: UDP}]'),
    ],
    [
      'finalizers of others',
      yaml('metadata: {finalizers: [theirs, ours]}\n'),
      yaml('metadata: {finalizers: [ours]}\n'),
    ],
    [
      'what a StatefulSet makes of its claims',
      yaml(
        'spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {volumeMode: Filesystem}, status: {phase: Pending}}]}\n',
      ),
      yaml(
        'spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {volumeMode: Filesystem}, status: {phase: Pending}}]}\n',
      ),
    ],
  ])('does not differ by %s', (_name, live, manifest) => {
    expect(lines(live, manifest)).toEqual([]);
  });

  it.each<[string, JsonObject, JsonObject, string[]]>([
    ['a value', yaml('spec: {replicas: 3}\n'), yaml('spec: {replicas: 1}\n'), ['spec.replicas: 3 → 1']],
    [
      'text for a number',
      yaml('spec: {targetPort: 80}\n'),
      yaml('spec: {targetPort: "80"}\n'),
      ['spec.targetPort: 80 → "80"'],
    ],
    [
      'the order of our own containers',
      yaml('spec: {initContainers: [{name: b}, {name: x}, {name: a}]}\n'),
      yaml('spec: {initContainers: [{name: a}, {name: b}]}\n'),
      ['spec.initContainers (order): ["b","x","a"] → ["a","b","x"]'],
    ],
    [
      'a list without keys',
      yaml('spec: {args: [a]}\n'),
      yaml('spec: {args: [a, b]}\n'),
      ['spec.args: ["a"] → ["a","b"]'],
    ],
    [
      'a quantity in a kind that nobody knows',
      yaml('apiVersion: x.io/v1\nspec: {limits: {cpu: 1}}\n'),
      yaml('apiVersion: x.io/v1\nspec: {limits: {cpu: 1000m}}\n'),
      ['spec.limits.cpu: 1 → 1000m'],
    ],
    [
      'a null of ours',
      yaml('apiVersion: x.io/v1\nspec: {a: 1}\n'),
      yaml('apiVersion: x.io/v1\nspec: {a: null}\n'),
      ['spec.a: 1 → (none)'],
    ],
  ])('differs by %s', (_name, live, manifest, expected) => {
    expect(lines(live, manifest)).toEqual(expected);
  });

  const managed = (data: string, ...managers: [string, string][]): JsonObject => ({
    ...yaml(`data: {${data}}\n`),
    metadata: {
      managedFields: managers.map(([manager, key]) => ({
        manager,
        operation: manager.startsWith('lockstep') ? 'Apply' : 'Update',
        fieldsV1: { 'f:data': { [`f:${key}`]: {} } },
      })),
    },
  });

  it('loses what we own and the manifest no longer names, and nothing else', () => {
    const live = managed('a: "1", old: "1", theirs: "1"', ['lockstep-x', 'old'], ['kubectl-edit', 'theirs']);
    expect(lines(live, yaml('data: {a: "1"}\n'), 'lockstep-x')).toEqual(['data.old: 1 → (none)']);
  });

  it('tells what others keep among ours, and not what Kubernetes writes', () => {
    const live = managed(
      'a: "1", theirs: "1", made: "1"',
      ['kubectl-edit', 'theirs'],
      ['kube-controller-manager', 'made'],
    );
    expect(foreignIn(live, yaml('data: {a: "1"}\n'), 'lockstep-x')).toEqual([
      { path: 'data.theirs', manager: 'kubectl-edit' },
    ]);
    expect(foreignIn(live, yaml('metadata: {name: a}\n'), 'lockstep-x')).toEqual([]);
  });
});

describe('a quantity', () => {
  it.each([
    ['1', '1000m'],
    [1, '1'],
    ['0.5', '500m'],
    ['1Gi', '1024Mi'],
    ['1G', '1000M'],
    ['1e3', '1k'],
    ['1.5Gi', '1536Mi'],
  ])('%s is %s', (a, b) => {
    expect(isSameQuantity(a, b)).toBe(true);
  });

  it.each([
    ['1', '1m'],
    ['1G', '1Gi'],
    ['abc', 'abc'],
    ['', ''],
    ['1e99', '1e99'],
    [true, true],
  ])('%s is not known to be %s', (a, b) => {
    expect(isSameQuantity(a, b)).toBe(false);
  });
});
