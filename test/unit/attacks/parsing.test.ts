import { describe, expect, it } from 'vitest';
import { printable } from '../../../agent/printable.ts';
import { compare } from '../../../diff/compare.ts';
import { pointerParts } from '../../../diff/ignore.ts';
import { at, canonicalJson, isObject, type Json, type JsonObject, parseJson } from '../../../diff/json.ts';
import { jsonPatch } from '../../../diff/patch.ts';
import { readDelivery } from '../../../sync/delivery/delivery.ts';
import { check } from '../../../sync/render/check.ts';
import { renderPlain } from '../../../sync/render/plain.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import { printYaml } from '../../../sync/render/yaml-print.ts';
import { fitsGlob, parseGlob } from '../../../sync/source/glob.ts';
import { describeProblem, type KubeObject } from '../../../sync/types.ts';
import { file } from '../sync/support/objects.ts';

/** P1 to P10 of the vectors, with exactly those inputs. */

const problemsOf = (text: string, name = 'a.yaml'): string[] =>
  check(renderPlain([file(name, text)]), 'shop', () => true).problems.map(describeProblem);
const objectsOf = (text: string, name = 'a.yaml') =>
  renderPlain([file(name, text)]).objects.map(({ object }) => object);
const map = (data: string, metadata = 'name: a'): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {${metadata}}\ndata:\n${data}\n`;

/** What something takes, in milliseconds. */
function timeOf(work: () => unknown): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

describe('P1: what is huge', () => {
  // Documents are not counted: what is read is bounded by bytes, and takes time that grows with them.
  it('a file of 100 MB is refused unread', () => {
    const huge = `a: ${'x'.repeat(100 * 1024 * 1024)}`;
    let problems: string[] = [];
    expect(timeOf(() => (problems = problemsOf(huge)))).toBeLessThan(1_000);
    expect(problems).toEqual(['a.yaml: the file is larger than 16777216 bytes']);
  });

  it('50,000 documents are read in time that grows with them', () => {
    const many = (count: number): string =>
      Array.from({ length: count }, (_, i) => map(`  k: "${i}"`, `name: a${i}`)).join('---\n');
    const [few, all] = [timeOf(() => objectsOf(many(5_000))), timeOf(() => objectsOf(many(50_000)))];
    expect(all).toBeLessThan(Math.max(few * 30, 2_000));
  });

  it('a block of 1 MB is a value', () => {
    expect(problemsOf(map(`  k: |\n    ${'x'.repeat(1024 * 1024)}`))).toEqual([]);
  });

  it('an object over 1.5 MB and annotations over 256 KiB are refused before the API server does', () => {
    const big = `  k: ${'x'.repeat(800_000)}\n  l: ${'x'.repeat(800_000)}`;
    expect(problemsOf(map(big))).toEqual([
      expect.stringMatching(/ConfigMap shop\/a: is 1600\d{3} bytes; .*at most 1500000/),
    ]);
    const noted = `name: a, annotations: {note: "${'x'.repeat(262_145)}"}`;
    expect(problemsOf(map('  k: v', noted))).toEqual([
      'a.yaml (document 1): ConfigMap shop/a: metadata.annotations are 262149 bytes; the API server takes at most 262144',
    ]);
  });
});

describe('P2: an alias bomb', () => {
  const bomb = (levels: number): string =>
    ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
      .concat(
        Array.from({ length: levels - 1 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`),
      )
      .join('\n');

  it('of nine levels of nine is refused at once', () => {
    expect(timeOf(() => expect(() => parseYaml(bomb(9))).toThrow(/alias|unfold/))).toBeLessThan(2_000);
  });

  it('by merges is refused too', () => {
    const merged = [`a0: &a0 {${Array.from({ length: 100 }, (_, i) => `k${i}: 1`).join(', ')}}`];
    for (let level = 1; level < 30; level += 1)
      merged.push(`a${level}: &a${level} {x: {<<: *a${level - 1}}, z: {<<: *a${level - 1}}}`);
    expect(timeOf(() => expect(() => parseYaml(merged.join('\n'))).toThrow(/alias|unfold/))).toBeLessThan(2_000);
  });
});

it('P3: 20,000 flat keys are read in time that grows with them', () => {
  const keys = (count: number): string => Array.from({ length: count }, (_, i) => `key-no-${i}: x`).join('\n');
  expect(keys(20_000).length).toBeGreaterThan(270_000);
  expect(timeOf(() => parseYaml(keys(20_000)))).toBeLessThan(2_000);
});

it('P4: brackets in brackets, 1,000, 5,000 and 10,000 in one process, are refused and nothing breaks', () => {
  for (const depth of [1_000, 5_000, 10_000])
    for (const text of [
      `${'['.repeat(depth)}${']'.repeat(depth)}`,
      `${'{a: '.repeat(depth)}x${'}'.repeat(depth)}`,
      `${'- '.repeat(depth)}x`,
    ])
      expect(timeOf(() => expect(() => parseYaml(text)).toThrow('maxDepth (100)'))).toBeLessThan(1_000);
  expect(parseYaml('a: 1')).toEqual([{ a: 1 }]);
});

describe('P5: keys that come twice', () => {
  it.each([
    ['kind: A\nkind: B', 'a.yaml'],
    ['1: a\n"1": b', 'a.yaml'],
    ['{"kind": "A", "kind": "B"}', 'a.json'],
  ])('are refused: %j', (text, name) => {
    expect(problemsOf(text, name)).toEqual([expect.stringMatching(/duplicated mapping key/)]);
  });
});

it.each<[string, Json]>([
  ['a: no', false],
  ['a: on', true],
  ['a: 0777', 511],
  ['a: 1_000', 1000],
  ['a: 0b11', 3],
  ['a: -0x1', -1],
  ['a: 12:30', '12:30'],
  ['a: 2001-01-01', '2001-01-01'],
  ['a: 9007199254740993', 9_007_199_254_740_993n],
])('P6: %s means what it means to Kubernetes', (text, value) => {
  expect(parseYaml(text)).toEqual([{ a: value }]);
});

it('P6: the key y is the text "true"', () => {
  expect(parseYaml('y: 1')).toEqual([{ true: 1 }]);
});

describe('P7: names that all objects have', () => {
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
  const inherited = (): unknown => ({}) as { polluted?: unknown; isAdmin?: unknown };
  const places = (name: string): [string, string][] => [
    ['a.yaml', `${name}: {polluted: true}`],
    ['a.yaml', map(`  ${name}: polluted`)],
    ['a.yaml', `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {${name}: polluted}}\n`],
    ['a.yaml', `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, ${name}: {polluted: true}}\n`],
    ['a.yaml', `apiVersion: v1\nkind: X\nmetadata: {name: a}\nspec: [{a: [{${name}: {polluted: true}}]}]\n`],
    ['a.json', `{"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}, "${name}": {"polluted": true}}`],
    ['a.yaml', `&x ${name}: {polluted: true}\nb: {<<: {${name}: {polluted: true}}}`],
  ];

  it.each(names)('%s reaches nothing, in any place', (name) => {
    for (const [path, text] of places(name)) {
      const { objects } = renderPlain([file(path, text)]);
      const { desired } = check({ objects, problems: [] }, 'shop', () => true);
      for (const { manifest } of desired) {
        const before: JsonObject = { apiVersion: 'v1', kind: manifest.kind, metadata: { name: 'a' } };
        jsonPatch(before, manifest);
        jsonPatch(manifest, before);
        printYaml(manifest);
        canonicalJson(manifest);
      }
      expect((inherited() as { polluted?: unknown }).polluted, text).toBeUndefined();
      expect({}.toString(), text).toBe('[object Object]');
      expect(Object.hasOwn({}, name), text).toBe(false);
    }
  });

  it.each(['__proto__', 'constructor', 'prototype'])('%s as a key is refused by name, in any place', (name) => {
    for (const [path, text] of places(name))
      expect(problemsOf(text, path), text).toEqual([expect.stringMatching(new RegExp(`${name}.*not allowed`))]);
  });

  it.each(['__proto__', 'toString', 'hasOwnProperty', 'constructor'])('%s comes and goes in a patch', (name) => {
    const [with_, without] = [`{"data":{"${name}":"x","a":"1"}}`, '{"data":{"a":"1"}}'].map(
      (text) => parseJson(text) as JsonObject,
    ) as [JsonObject, JsonObject];
    expect(jsonPatch(with_, without)).toEqual([{ op: 'remove', path: `/data/${name}` }]);
    expect(jsonPatch(without, with_)).toEqual([{ op: 'add', path: `/data/${name}`, value: 'x' }]);
    expect(compare(with_, without)).toEqual([{ path: `data.${name}`, before: 'x', after: undefined }]);
    expect(compare(without, with_)).toEqual([{ path: `data.${name}`, before: undefined, after: 'x' }]);
    expect(at(without, 'data', name)).toBeUndefined();
    expect(at(with_, 'data', name)).toBe('x');
  });

  it('in JSON that a server answers are no more than a name', () => {
    const value = parseJson('{"__proto__": {"isAdmin": true}, "a": {"__proto__": {"isAdmin": true}}}');
    expect((value as { isAdmin?: unknown }).isAdmin).toBeUndefined();
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });
});

/** Ignore rules are JSON pointers, there is no jq; loops and patterns of CEL are unit/agent/rules and e2e/health-rules. */
describe('P8: patterns that take for ever elsewhere', () => {
  it('a glob of 10,000 letters is done in steps that are counted', () => {
    const glob = parseGlob('*a'.repeat(5_000)) ?? [];
    let steps = 0;
    expect(timeOf(() => fitsGlob(glob, `${'a'.repeat(4_999)}b`, () => (steps += 1)))).toBeLessThan(2_000);
    expect(steps).toBeLessThan(glob.length * 5_000);
  });

  it.each(['^(a+)+$', '(.*)*x'])('%s is no pattern but a text', (text) => {
    const glob = parseGlob(text) ?? [];
    expect(timeOf(() => fitsGlob(glob, `${'a'.repeat(30)}!`, () => undefined))).toBeLessThan(100);
    expect(pointerParts(text)).toBeUndefined();
  });
});

describe('P9: settings that are out of all bounds', () => {
  const delivery = (spec: object, name = 'shop'): KubeObject =>
    ({
      apiVersion: 'lockstep.dev/v1alpha1',
      kind: 'Delivery',
      metadata: { name, namespace: 'shop' },
      spec: { source: { url: 'https://h/r' }, ...spec },
    }) as unknown as KubeObject;

  it.each(['', '-1s', '1e308h', 'NaN', '5', ' 1s', '1 s', '1d'])('the duration %j is refused by its field', (text) => {
    expect(() => readDelivery(delivery({ health: { deadline: text } }))).toThrow(/spec\.health\.deadline/);
    expect(() => readDelivery(delivery({ source: { url: 'https://h/r', interval: text } }))).toThrow(
      /spec\.source\.interval/,
    );
  });

  it('a duration that is too long for a clock is a year, one that is nothing is the least there is', () => {
    const { deadline } = readDelivery(delivery({ health: { deadline: '9999999h' } }));
    expect(deadline).toBe(365 * 24 * 3_600_000);
    expect(readDelivery(delivery({ source: { url: 'https://h/r', interval: '0s' } })).interval).toBeGreaterThan(0);
  });

  it.each(['https://h:-1/r', 'https://h:65536/r', 'ssh://h:65536/r', 'oci://h:65536/r'])('%s is no URL', (url) => {
    expect(() => readDelivery(delivery({ source: { url } }))).toThrow(/spec\.source\.url/);
  });

  it.each(['serviceAccountName', 'namespace'])('a %s of 300 letters is refused by its field', (field) => {
    expect(() => readDelivery(delivery({ target: { [field]: 'x'.repeat(300) } }))).toThrow(
      new RegExp(`spec\\.target\\.${field}`),
    );
  });
});

describe('P10: letters that do not show, and objects that are none', () => {
  it.each<[string, string, RegExp]>([
    ['a NUL', map('  k: "a\0b"'), /./],
    ['a tab for blanks', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n', /tab/],
    ['no apiVersion', 'kind: ConfigMap\nmetadata: {name: a}\n', /apiVersion is missing or not text/],
    ['a name with a slash', map('  k: v', 'name: a/b'), /metadata\.name is no valid name/],
    ['a name that leads up', map('  k: v', 'name: ".."'), /metadata\.name is no valid name/],
    ['a name that is escaped', map('  k: v', 'name: "%2e%2e"'), /metadata\.name is no valid name/],
  ])('%s', (_what, text, problem) => {
    expect(problemsOf(text).join('\n')).toMatch(problem);
  });

  it('ends of lines, BOM, ends of documents and empty ones change nothing', () => {
    const [plain] = objectsOf(map('  k: v'));
    for (const text of [
      `\ufeff${map('  k: v')}`,
      map('  k: v').replaceAll('\n', '\r\n'),
      `---\n---\n${map('  k: v')}...\n---\n# nothing\n`,
      `apiVersion: v1\nkind: List\nitems:\n- ${map('  k: v').trimEnd().replaceAll('\n', '\n  ')}\n`,
    ])
      expect(objectsOf(text)).toEqual([plain]);
  });

  it.each(['\u202e', '\u2066', '\u200b', '\u200f', '\ufeff', '\u001b[31m', '\u0007', '\u009b31m'])(
    'what %j does to a terminal is shown and not done',
    (letters) => {
      const [problem = ''] = problemsOf(
        `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${JSON.stringify(`a${letters}/b`)}}\n`,
      );
      expect(problem).toContain('metadata.name is no valid name');
      expect(printable(problem)).toMatch(/\\u[0-9a-f]{4}/);
      expect(printable(problem)).not.toContain(letters[0]);
    },
  );

  it.each(['\u202e', '\u200b', '\u001b[31m', '\u009b31m'])(
    'a name with %j is refused, and shown escaped',
    (letters) => {
      const named = problemsOf(map('  k: v', `name: ${JSON.stringify(`a${letters}b`)}`));
      expect(named).toEqual([expect.stringContaining('metadata.name is no valid name')]);
      expect(printable(named.join())).not.toContain(letters[0]);
    },
  );

  it('values keep their letters', () => {
    const [object] = objectsOf(map('  k: "a\u202eb"'));
    expect(isObject(object?.['data']) && object['data']['k']).toBe('a\u202eb');
  });
});
