import { describe, expect, it } from 'vitest';
import { check } from '../../../../sync/render/check.ts';
import { fits, type IgnoreRule, withIgnored } from '../../../../sync/render/ignored.ts';
import type { KubeObject } from '../../../../sync/types.ts';

const rule = (some: Partial<IgnoreRule>): IgnoreRule => ({
  group: undefined,
  kind: undefined,
  namespace: undefined,
  name: undefined,
  pointers: [],
  managers: [],
  ...some,
});

const web = (replicas: number, annotations = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', annotations },
  spec: { replicas, template: { spec: { containers: [{ name: 'web', image: 'a:1', args: ['x'] }] } } },
});

const checked = (objects: KubeObject[], ...rules: IgnoreRule[]) => {
  const sourced = objects.map((object) => ({ object, file: 'a.yaml', document: 1 }));
  return withIgnored(
    check({ objects: sourced, problems: [] }, 'shop', () => true),
    rules,
  );
};
const first = (objects: KubeObject[], ...rules: IgnoreRule[]) => checked(objects, ...rules).desired[0];

describe('what is left alone', () => {
  it('fits by group, kind, namespace and name, each with stars', () => {
    const pointers = ['/spec/replicas'];
    const fitting = [{}, { group: 'apps' }, { kind: 'Deploy*' }, { namespace: 'shop' }, { name: 'w*b', group: '*' }];
    for (const some of fitting)
      expect(first([web(1)], rule({ ...some, pointers }))?.ignored?.pointers).toEqual(pointers);
    const others = [{ group: '' }, { kind: 'Deploy' }, { namespace: 'sho' }, { name: '*x*' }];
    for (const some of others) expect(first([web(1)], rule({ ...some, pointers }))?.ignored).toBeUndefined();
  });

  it('makes no difference to what an object is known by, and the rule does', () => {
    const replicas = rule({ pointers: ['/spec/replicas'] });
    expect(first([web(1)], replicas)?.hash).toBe(first([web(2)], replicas)?.hash);
    expect(first([web(1)])?.hash).not.toBe(first([web(2)])?.hash);
    expect(first([web(1)], replicas)?.hash).not.toBe(first([web(1)])?.hash);
    expect(first([web(1)], rule({ pointers: ['/spec/paused'] }))?.hash).not.toBe(first([web(1)])?.hash);
  });

  it('may stand on the object', () => {
    const annotated = web(1, { 'lockstep.dev/ignore': '/spec/replicas, /spec/paused' });
    expect(first([annotated])?.ignored?.pointers).toEqual(['/spec/paused', '/spec/replicas']);
  });

  it('is the count of what an autoscaler of the same revision scales', () => {
    const scaler = (apiVersion: string, kind: string, scaleTargetRef: KubeObject['metadata']): KubeObject => ({
      apiVersion,
      kind,
      metadata: { name: 'scaler' },
      spec: { scaleTargetRef },
    });
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    for (const [apiVersion, kind, ref] of [
      ['autoscaling/v2', 'HorizontalPodAutoscaler', target],
      ['autoscaling/v1', 'HorizontalPodAutoscaler', target],
      ['keda.sh/v1alpha1', 'ScaledObject', { name: 'web' }],
    ] as const)
      expect(first([web(1), scaler(apiVersion, kind, ref)])?.ignored?.pointers, kind).toEqual(['/spec/replicas']);
    const other = scaler('autoscaling/v2', 'HorizontalPodAutoscaler', { ...target, kind: 'StatefulSet' });
    expect(first([web(1), other])?.ignored).toBeUndefined();
  });

  it('is told where it can not be done', () => {
    const problemsOf = (text: string) =>
      checked([web(1, { 'lockstep.dev/ignore': text })]).problems.map(({ object, message }) => `${object}: ${message}`);
    expect(problemsOf('spec.replicas')).toEqual([
      'Deployment shop/web: lockstep.dev/ignore: "spec.replicas" is no JSON pointer, such as /spec/replicas',
    ]);
    expect(problemsOf('/metadata/name')).toEqual([
      'Deployment shop/web: lockstep.dev/ignore: /metadata/name can not be ignored',
    ]);
    expect(problemsOf('/spec/template/spec/containers/0/args/0')).toEqual([
      'Deployment shop/web: /spec/template/spec/containers/0/args/0 can not be ignored alone, as the items of that list have no names; ignore the whole list',
    ]);
    expect(problemsOf('/spec/nothing/there')).toEqual([]);
  });

  it('has a limit', () => {
    const many = Array.from({ length: 201 }, (_, index) => `/data/${index}`).join(',');
    expect(checked([web(1, { 'lockstep.dev/ignore': many })]).problems[0]?.message).toContain('more than 200 parts');
  });

  it('is matched in time that grows with the lengths only', () => {
    expect(fits(`${'*a'.repeat(5_000)}b`, 'a'.repeat(10_000))).toBe(false);
    expect(fits('a*b*c', 'aXbYc')).toBe(true);
    expect(fits('a*a', 'a')).toBe(false);
    expect(fits('*', '')).toBe(true);
  });
});
