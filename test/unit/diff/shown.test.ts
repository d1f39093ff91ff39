import fc from 'fast-check';
import fastJsonPatch from 'fast-json-patch';
import { describe, expect, it } from 'vitest';
import { changeLine, compare } from '../../../diff/compare.ts';
import { canonicalJson, type Json, type JsonObject, parseJson, toJson } from '../../../diff/json.ts';
import { maskObject, maskPair } from '../../../diff/mask.ts';
import { normalizeManifest, withoutNoise } from '../../../diff/normalize.ts';
import { jsonPatch } from '../../../diff/patch.ts';

const lines = (before: JsonObject, after: JsonObject): string[] => compare(before, after).map(changeLine);

describe('a manifest as it is sent', () => {
  const definition = (caBundle: string): JsonObject => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'a' },
    spec: { group: 'x.io', conversion: { strategy: 'Webhook', webhook: { clientConfig: { caBundle, url: 'u' } } } },
  });

  it('has no placeholder for a certificate that is injected, and keeps a real one', () => {
    const real = Buffer.from('-----BEGIN CERTIFICATE-----\n').toString('base64');
    expect(normalizeManifest(definition('Cg=='))['spec']).toEqual({
      group: 'x.io',
      conversion: { strategy: 'Webhook', webhook: { clientConfig: { url: 'u' } } },
    });
    expect(normalizeManifest(definition(real))['spec']).toEqual(definition(real)['spec']);
  });
});

describe('a difference', () => {
  it.each<[string, JsonObject, JsonObject, string[]]>([
    ['a value', { spec: { replicas: 1 } }, { spec: { replicas: 3 } }, ['spec.replicas: 1 → 3']],
    ['a key that is new', { data: {} }, { data: { 'a.b': 'x' } }, ['data[a.b]: (none) → x']],
    [
      'an item by its name',
      { c: [{ name: 'web', image: 'a' }] },
      { c: [{ name: 'web', image: 'b' }] },
      ['c[web].image: a → b'],
    ],
    [
      'an inserted item',
      { c: [{ name: 'a' }, { name: 'b' }] },
      { c: [{ name: 'x' }, { name: 'a' }, { name: 'b' }] },
      ['c[x]: (none) → {"name":"x"}'],
    ],
    [
      'the order',
      { c: [{ name: 'a' }, { name: 'b' }] },
      { c: [{ name: 'b' }, { name: 'a' }] },
      ['c (order): ["a","b"] → ["b","a"]'],
    ],
    ['a plain list', { args: ['a', 'b'] }, { args: ['a'] }, ['args: ["a","b"] → ["a"]']],
    [
      'ports by number and protocol',
      {
        p: [
          { port: 53, protocol: 'TCP' },
          { port: 53, protocol: 'UDP' },
        ],
      },
      {
        p: [
          { port: 53, protocol: 'TCP' },
          { port: 53, protocol: 'UDP', x: 1 },
        ],
      },
      ['p[53/UDP].x: (none) → 1'],
    ],
    [
      'a long text where it differs',
      { a: 'x'.repeat(500) },
      { a: `${'x'.repeat(300)}y${'x'.repeat(199)}` },
      [`a: ...${'x'.repeat(74)}... → ...${'x'.repeat(20)}y${'x'.repeat(53)}...`],
    ],
    ['text and a number', { a: '80' }, { a: 80 }, ['a: "80" → 80']],
    ['nothing', { a: { b: [1] } }, { a: { b: [1] } }, []],
  ])('shows %s', (_name, before, after, expected) => {
    expect(lines(before, after)).toEqual(expected);
  });

  it('is also an RFC 6902 patch', () => {
    expect(jsonPatch({ a: 1, b: { c: 1 } }, { a: 2, b: {} })).toEqual([
      { op: 'replace', path: '/a', value: 2 },
      { op: 'remove', path: '/b/c' },
    ]);
  });

  it('is a patch in which list items are matched by their keys', () => {
    const list = (...names: string[]): JsonObject => ({ c: names.map((name) => ({ name })) });
    expect(jsonPatch(list('a', 'b', 'd'), list('x', 'b', 'd'))).toEqual([
      { op: 'remove', path: '/c/0' },
      { op: 'add', path: '/c/0', value: { name: 'x' } },
    ]);
    expect(jsonPatch({ c: [{ name: 'a', v: 1 }] }, { c: [{ name: 'x' }, { name: 'a', v: 2 }] })).toEqual([
      { op: 'add', path: '/c/0', value: { name: 'x' } },
      { op: 'replace', path: '/c/1/v', value: 2 },
    ]);
  });

  it('is a patch that leads from one to the other, whatever they hold', () => {
    const plain = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'b', 'a/b', '~', ''), fc.boolean());
    const item = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), v: plain }, { requiredKeys: ['name'] });
    const values = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        plain,
        fc.array(item, { maxLength: 4 }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('k', 'l/m', 'n~', '0'), tie('value'), { maxKeys: 3 }),
      ) as fc.Arbitrary<Json>,
    }));
    fc.assert(
      fc.property(values.value, values.value, (before, after) => {
        const patch = jsonPatch({ root: before }, { root: after });
        const patched = fastJsonPatch.applyPatch(structuredClone({ root: before }), structuredClone(patch), true);
        expect(patched.newDocument).toEqual({ root: after });
      }),
      { numRuns: 500 },
    );
  });

  it('of a Secret shows which keys changed and nothing else', () => {
    const secret = (data: JsonObject): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data,
    });
    const [before, after] = maskPair(
      secret({ a: 'b25l', b: 'dHdv', gone: 'eA==' }),
      secret({ a: 'b25l', b: 'bmV3', fresh: 'eQ==' }),
    );
    const text = `${lines(before, after).join('\n')}${toJson(jsonPatch(before, after))}`;
    expect(lines(before, after)).toEqual([
      'data.b: *** → *** (changed)',
      'data.gone: *** → (none)',
      'data.fresh: (none) → ***',
    ]);
    for (const value of ['b25l', 'dHdv', 'bmV3', 'eA==', 'eQ==']) expect(text).not.toContain(value);
  });
});

describe('masking', () => {
  it('goes by the kind of the object and covers copies in annotations, by whatever name (48.2)', () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        annotations: {
          'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"p":"aHVudGVy"}}',
          'example.com/copy': 'aHVudGVy',
          'lockstep.dev/wave': '3',
        },
      },
      data: { p: 'aHVudGVy' },
      stringData: 'aHVudGVy',
    };
    const text = toJson(maskObject(secret));
    expect(text).not.toContain('aHVudGVy');
    expect(text).toContain('"example.com/copy":"***"');
    expect(text).toContain('"lockstep.dev/wave":"3"');
    const other = {
      ...secret,
      metadata: { annotations: { ...secret.metadata.annotations, 'example.com/copy': 'bmV3' } },
    };
    const pair = toJson(maskPair(secret, other));
    expect(pair).toContain('"example.com/copy":"*** (changed)"');
    expect(pair).not.toContain('bmV3');
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', data: { p: 'x' } };
    expect(maskObject(configMap)).toBe(configMap);
  });
});

describe('a manifest is normalised', () => {
  it.each<[string, JsonObject, JsonObject]>([
    [
      'server fields and status go',
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: 'a',
          uid: 'u',
          resourceVersion: '1',
          creationTimestamp: null,
          managedFields: [],
          generation: 1,
        },
        status: {},
      },
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } },
    ],
    [
      'stringData is folded into data and wins',
      { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { a: 'eA==', b: 'eQ==' }, stringData: { a: 'new' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { a: 'bmV3', b: 'eQ==' } },
    ],
    [
      'data: null beside stringData is no data (47.3)',
      { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: null, stringData: { a: 'new' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { a: 'bmV3' } },
    ],
    [
      'nulls of built-in kinds go',
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: {},
        spec: { ingress: null, egress: [null, { to: null }] },
      },
      { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: {}, spec: { egress: [{}] } },
    ],
    [
      'nulls of custom kinds stay',
      { apiVersion: 'example.com/v1', kind: 'Widget', metadata: {}, spec: { a: null } },
      { apiVersion: 'example.com/v1', kind: 'Widget', metadata: {}, spec: { a: null } },
    ],
    [
      'an aggregated ClusterRole has no rules',
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: {}, aggregationRule: {}, rules: [] },
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: {}, aggregationRule: {} },
    ],
  ])('%s', (_name, before, after) => {
    expect(normalizeManifest(before)).toEqual(after);
  });

  it('is compared without noise: versions, copies, and what controllers count (54.2)', () => {
    const object = {
      kind: 'A',
      metadata: {
        name: 'a',
        uid: 'u',
        resourceVersion: '7',
        generation: 3,
        managedFields: [],
        labels: { 'lockstep.dev/delivery': 'x' },
        annotations: {
          'lockstep.dev/release': '1',
          'kubectl.kubernetes.io/last-applied-configuration': '{}',
          'deployment.kubernetes.io/revision': '4',
          own: 'y',
        },
      },
      status: { a: 1 },
    };
    expect(withoutNoise(object, ['lockstep.dev/delivery', 'lockstep.dev/release'])).toEqual({
      kind: 'A',
      metadata: { name: 'a', annotations: { own: 'y' } },
    });
  });
});

describe('JSON', () => {
  it.each(['9007199254740993', '-9223372036854775808', '18446744073709551615'])('keeps %s exact', (text) => {
    expect(toJson(parseJson(`{"a":[${text}]}`))).toBe(`{"a":[${text}]}`);
    expect(canonicalJson(parseJson(`{"a":${text}}`))).toBe(`{"a":${text}}`);
  });

  it('has one canonical form', () => {
    expect(canonicalJson({ b: 1, a: { d: [2, { f: 1, e: null }], c: 'x' } })).toBe(
      '{"a":{"c":"x","d":[2,{"e":null,"f":1}]},"b":1}',
    );
  });
});
