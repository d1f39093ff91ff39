import { describe, expect, it } from 'vitest';
import { isSourceAllowed, limitProblems, readLimits, unlimited } from '../../../sync/limits.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { object } from './support/objects.ts';

const limits = (text: string) => readLimits(parseYaml(text)[0] ?? null);
const problems = (text: string, manifest: KubeObject): string[] =>
  limitProblems(
    [{ key: '', manifest, hash: '' }],
    text === '' ? unlimited : limits(text),
    'shop',
    'lockstep-system',
  ).map(({ message }) => message);
const role = object('ClusterRole', 'r', { apiVersion: 'rbac.authorization.k8s.io/v1' });
const map = (namespace: string) => object('ConfigMap', 'a', { namespace });

describe('limits', () => {
  it.each<[string, KubeObject, RegExp | undefined]>([
    ['', role, undefined],
    ['clusterScope: false', role, /objects outside of namespaces are not allowed for Deliveries of the namespace shop/],
    [
      'kinds: {deny: ["rbac.authorization.k8s.io/*"]}',
      role,
      /objects of the kind rbac.authorization.k8s.io\/ClusterRole are not allowed/,
    ],
    ['kinds: {allow: ["/ConfigMap", "apps/*"]}', map('shop'), undefined],
    ['kinds: {allow: ["apps/*"]}', map('shop'), /objects of the kind \/ConfigMap/],
    ['kinds: {allow: ["*/*"], deny: ["*/ConfigMap"]}', map('shop'), /objects of the kind \/ConfigMap/],
    ['namespaces: ["."]', map('shop'), undefined],
    ['namespaces: ["."]', map('other'), /the namespace other is not allowed/],
    ['namespaces: [shop-*]', map('shop-dev'), undefined],
    ['namespaces: [shop-*]', map('shop'), /the namespace shop is not allowed/],
    ['', map('lockstep-system'), /the namespace lockstep-system is the agent's own/],
  ])('%s on %j', (text, manifest, problem) => {
    const found = problems(text, manifest);
    if (problem === undefined) expect(found).toEqual([]);
    else expect(found.join()).toMatch(problem);
  });

  it.each([
    ['https://git.example.com/team-a/*', 'https://git.example.com/team-a/app.git', true],
    ['https://git.example.com/team-a/*', 'https://git.example.com/team-a', false],
    ['https://git.example.com/team-a/*', 'https://git.example.com/team-b/app', false],
    ['https://git.example.com/team-a/*', 'https://git.example.com/team-a/../team-b/app', false],
    ['https://git.example.com/team-a/*', 'https://git.example.com/team-a/%2e%2e/team-b/app', false],
    ['https://git.example.com/team-a/*', 'https://git.example.com.evil.com/team-a/app', false],
    ['https://git.example.com/team-a/*', 'http://git.example.com/team-a/app', false],
    ['https://git.example.com/team-a/*', 'https://GIT.example.com:443/team-a/app', true],
    ['https://git.example.com/team-a/*', 'https://git.example.com:8443/team-a/app', false],
    ['https://git.example.com/team-a/*', 'https://git.example.com./team-a/app', true],
    ['https://git.example.com/team-a/*', 'https://evil@git.example.com.evil/team-a/app', false],
    ['https://*.example.com', 'https://git.example.com/any/where', true],
    ['https://*.example.com', 'https://a.b.example.com/any', false],
    ['https://*.example.com', 'https://evil.com/?x=git.example.com', false],
  ])('%s lets %s in: %s', (pattern, url, expected) => {
    expect(isSourceAllowed(url, limits(`sources: ["${pattern}"]`))).toBe(expected);
  });

  it.each([
    ['kind: {}', /kind is not known; there are kinds, namespaces/],
    ['kinds: {forbid: []}', /forbid is not known/],
    ['clusterScope: "no"', /clusterScope is true or false/],
    ['namespaces: shop', /namespaces is a list of texts/],
    ['sources: [git.example.com]', /"git.example.com" is no URL/],
    ['- a', /a map with kinds/],
  ])('that say %s are a mistake that is named', (text, problem) => {
    expect(() => limits(text)).toThrow(problem);
  });
});
