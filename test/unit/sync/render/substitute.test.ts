import { describe, expect, it } from 'vitest';
import { readManifests } from '../../../../sync/render/plain.ts';
import { type Substituted, withVariables } from '../../../../sync/render/substitute.ts';
import type { KubeObject } from '../../../../sync/types.ts';

const variables = new Map([
  ['count', '3'],
  ['port', '8080'],
  ['on', 'true'],
  ['name', 'web'],
  ['text', 'a: b\n# c'],
  ['inject', 'x, evil: true'],
  ['quote', '"'],
]);

function read(text: string, given: ReadonlyMap<string, string> = variables) {
  const cache: Substituted = new WeakMap();
  return withVariables(readManifests('a.yaml', text), given, 'k', cache);
}

const map = (data: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m${more}}\nspec: ${data}\n`;
const dataOf = (text: string): unknown => read(map(text)).objects[0]?.object['spec'];

describe('variables in manifests', () => {
  it.each<[readonly string[], unknown]>([
    [['a: ${count}', 'b: "${count}"', "c: '${count}'"], { a: 3, b: '3', c: '3' }],
    [['a: ${on}', 'b: "${on}"', 'c: ${name}'], { a: true, b: 'true', c: 'web' }],
    [['a: ${quote}${count}${quote}'], { a: '3' }],
    [['a: v${count}', 'b: ${name}-${count}'], { a: 'v3', b: 'web-3' }],
    [['a: ["${name}", "${count}"]', 'b:', '- ${count}', '- "${count}"'], { a: ['web', '3'], b: [3, '3'] }],
    [['a: ${text}', 'b: "${text}"'], { a: 'a: b\n# c', b: 'a: b\n# c' }],
    [['a: ${inject}', 'b: "${inject}"'], { a: 'x, evil: true', b: 'x, evil: true' }],
    [['a: ${missing:-[1, 2]}', 'b: ${missing:-}'], { a: '[1, 2]', b: null }],
    [['a: $count', 'b: $(count)', 'c: "$${count}"'], { a: '$count', b: '$(count)', c: '${count}' }],
  ])('%j', (lines, expected) => {
    expect(dataOf(`\n  ${lines.join('\n  ')}`)).toEqual(expected);
  });

  it('are numbers where they were merged from elsewhere, or stand in a typed list', () => {
    const merged = 'base: &base\n    count: ${count}\n    text: "${count}"\n  own:\n    <<: *base\n    more: x';
    expect(dataOf(`\n  ${merged}`)).toMatchObject({ own: { count: 3, text: '3', more: 'x' } });
    const list =
      'apiVersion: v1\nkind: ThingList\nitems:\n- metadata: {name: a}\n  replicas: ${count}\n  text: "${count}"\n';
    expect(read(list).objects[0]?.object).toMatchObject({ kind: 'Thing', replicas: 3, text: '3' });
  });

  it('stand in blocks of text too, whose line breaks stay', () => {
    expect(dataOf('\n  a: |\n    echo ${name}\n    exit ${count}')).toEqual({ a: 'echo web\nexit 3\n' });
  });

  it.each([
    ['abc #def', 'abc #def'],
    ['&pass word', '&pass word'],
    ['--- x', '--- x'],
    ['...', '...'],
    ['"xy" z', '"xy" z'],
    ['*alias', '*alias'],
    ['!tag x', '!tag x'],
    ['abc ', 'abc '],
    ['1.5', 1.5],
    ['012', 10],
    ['yes', true],
    ['null', null],
  ])('whose value is %j is just that, or the number or word that it is', (value, expected) => {
    const { objects } = read(map('\n  a: ${v}\n  b: "${v}"'), new Map([['v', value]]));
    expect(objects[0]?.object['spec']).toEqual({ a: expected, b: value });
  });

  it('stay texts where every kind has texts', () => {
    const text =
      'apiVersion: v1\nkind: X\nmetadata:\n  name: m\n  labels:\n    a: ${count}\ndata:\n  a: ${count}\nspec:\n  count: ${count}\n  env:\n  - name: A\n    value: ${count}\n  args:\n  - ${count}\n';
    const { metadata, ...rest } = { ...read(text).objects[0]?.object };
    expect({ metadata, ...rest }).toMatchObject({
      metadata: { name: 'm', labels: { a: '3' } },
      data: { a: '3' },
      spec: { count: 3, env: [{ name: 'A', value: '3' }], args: ['3'] },
    });
  });

  it('never make more than an object may hold', () => {
    const large = new Map([['v', 'x'.repeat(1_000_000)]]);
    expect(read(map('"${v}${v}${v}${v}"'), large).problems[0]?.message).toContain('larger than any object');
    expect(read(map('"${v//x/aaaa}"'), large).problems[0]?.message).toContain('too long to replace');
  });

  it('are no names of fields', () => {
    expect(dataOf('\n  "${name}": ${count}\n  ${on}: x')).toEqual({ '${name}': 3, '${on}': 'x' });
  });

  it.each([
    ', annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}',
    ', labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}',
    ', annotations: {lockstep.dev/substitute: disabled}',
  ])('stay as they are where the object asks for that: %s', (more) => {
    expect(read(map('{a: "${missing}"}', more)).objects[0]?.object['spec']).toEqual({ a: '${missing}' });
  });

  it('that are not given are told, all of them, with their objects', () => {
    const { problems } = read(`${map('{a: "${missing}"}')}---\n${map('{a: "${other[@]}"}')}`);
    expect(problems).toEqual([
      {
        file: 'a.yaml',
        document: 1,
        object: 'ConfigMap m',
        message: 'the variable missing is not given, and has no default',
      },
      {
        file: 'a.yaml',
        document: 2,
        object: 'ConfigMap m',
        message: '${other…} is no form that is known; write $${ for a plain one',
      },
    ]);
  });

  it('never tell what they stand for when they do not fit', () => {
    const secret = new Map([['v', 'C4NARY-7f3a']]);
    const { problems } = read(map('{a: "${v:x}"}'), secret);
    expect(JSON.stringify(problems)).not.toContain('C4NARY');
  });

  it('are replaced once for the same object', () => {
    const cache: Substituted = new WeakMap();
    const written = readManifests('a.yaml', map('\n  a: ${count}'));
    const made = (key: string): KubeObject | undefined =>
      withVariables(written, variables, key, cache).objects[0]?.object;
    expect(made('k')).toBe(made('k'));
    expect(made('other')).not.toBe(made('k'));
  });
});
