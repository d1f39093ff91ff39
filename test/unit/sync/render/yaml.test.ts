import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalJson, parseJson } from '../../../../diff/json.ts';
import { parseYaml } from '../../../../sync/render/yaml.ts';
import type { YamlError } from '../../../../sync/render/yaml-error.ts';
import { printYaml } from '../../../../sync/render/yaml-print.ts';

interface Probe {
  readonly input: string;
  readonly json?: string;
  readonly error?: boolean;
  /** The other reader answers now this, now that. */
  readonly ambiguous?: boolean;
}

const folder = join(import.meta.dirname, '..', '..', '..', 'vectors', 'yaml');
const probes: Probe[] = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));

/** What sigs.k8s.io/yaml lets pass and Lockstep refuses, each with the reason. */
const stricter = new Map<string, RegExp>([
  ['a: !foo bar', /unknown scalar tag/],
  ['a: 1\na: 2', /duplicated mapping key/],
  ['a: {b: 1, b: 2}', /duplicated mapping key/],
  ['1: a\n"1": b', /duplicated mapping key/],
  ['true: a\n"true": b', /duplicated mapping key/],
  // The key y is the boolean true here, and only keys that are text can override what was merged.
  ['base: &b {x: 1, y: 2}\nd:\n  <<: *b\n  y: 3', /duplicated mapping key/],
]);

/** JSON has this escape and YAML 1.2 too; Go's YAML 1.1 reader alone does not know it. */
const moreLenient = new Set(['{"a": "\\/", "b": "\\u0041"}']);

function read(text: string): string {
  const documents = parseYaml(text);
  return canonicalJson(documents[0] ?? null);
}

describe('YAML is read as the API server reads it', () => {
  it.each(probes.filter((probe) => probe.json !== undefined && !stricter.has(probe.input)))(
    '$input',
    ({ input, json = '' }) => {
      expect(read(input)).toBe(canonicalJson(parseJson(json)));
    },
  );

  it.each(probes.filter((probe) => probe.error && !moreLenient.has(probe.input)))(
    'refused by both: $input',
    ({ input }) => {
      expect(() => read(input)).toThrow();
    },
  );

  it.each(probes.filter((probe) => probe.ambiguous))(
    'refused here, where the other reader throws dice: $input',
    ({ input }) => {
      expect(() => read(input)).toThrow(/duplicated mapping key/);
    },
  );

  it.each([...stricter])('refused here alone: %s', (input, reason) => {
    expect(() => read(input)).toThrow(reason);
  });

  it('reads what JSON allows and Go does not', () => {
    for (const input of moreLenient) expect(read(input)).toBe(canonicalJson(JSON.parse(input)));
  });

  it('counts at least 120 probes', () => {
    expect(probes.length).toBeGreaterThanOrEqual(120);
  });
});

describe('YAML that could do harm is refused', () => {
  const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 9; level += 1) {
    bomb.push(
      `a${level}: &a${level} [${Array(9)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    );
  }

  it.each([
    ['an alias bomb', bomb.join('\n'), /alias|unfold/],
    ['too deep a nesting', '['.repeat(10_000), /./],
    ['a key that reaches the prototype', '__proto__: {isAdmin: true}', /not allowed/],
    ['a nested key that reaches the prototype', 'a: {constructor: {prototype: {x: 1}}}', /not allowed/],
    ['a value of many megabytes', `a: ${'x'.repeat(4 * 1024 * 1024)}`, /longer than/],
  ])('%s', (_name, text, reason) => {
    expect(() => parseYaml(text)).toThrow(reason);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it.each([
    'a: !<Pa55w0rd: b\nc: {x: 1}>',
    'a: !Pa55w0rd^ x',
    'a: *Pa55w0rd',
    'a: !S3cret x',
    'a: {b: *Pa55w0rd}',
    'a: !<tag:S3cret> x',
  ])('without a word of its content: %s', (text) => {
    expect(() => parseYaml(text)).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/Pa55w0rd|S3cret/) }),
    );
  });

  it('names the line and never quotes the file', () => {
    expect(() => parseYaml('a: 1\nsecret: "hunter2\nb: [')).toThrow(
      expect.objectContaining({ line: 3, message: expect.not.stringContaining('hunter2') }),
    );
  });
});

describe('YAML is printed so that it reads back the same', () => {
  it.each([
    'a: on',
    'a: "on"',
    'a: 9007199254740993',
    'a: [9007199254740993, 5, -7, 1.5, 1e22, 0, 1.5e-9]',
    'a: "0777"',
    'a: "12:30"',
    'a: "0XaB"',
    '"--- a": "... b"',
    '"---": "..."',
    'a: "0B1"',
    'a: "1_0"',
    '"0XaB": "+.5"',
    'a: |\n  x\n  y\n',
    'a: "y"',
    '"y": 1',
    'a: [1, {b: ~}]',
  ])('%s', (text) => {
    const [value = null] = parseYaml(text);
    expect(canonicalJson(parseYaml(printYaml(value))[0] ?? null)).toBe(canonicalJson(value));
  });

  it.each<[string, unknown[]]>([
    ['a: {\nb: 1\n}\n', [{ a: { b: 1 } }]],
    ['a:\n  - {x: 1,\n  z: 2}\n', [{ a: [{ x: 1, z: 2 }] }]],
    ['a:\n  command: [\n    "x",\n  ]\n  b: 1\n', [{ a: { command: ['x'], b: 1 } }]],
    ['m:\n- {\n}\n- [\n]\n', [{ m: [{}, []] }]],
    ['a: "x\ny"\nb: \'p\n\nq\'\n', [{ a: 'x y', b: 'p\nq' }]],
    ['# c\n---\na: [\n]\n---\nb: 1\n---\nc: {\n}\n', [{ a: [] }, { b: 1 }, { c: {} }]],
    ['a: [\n1, 2]\nt: |\n  [\n  x\n', [{ a: [1, 2], t: '[\nx\n' }]],
  ])('reads what goes on in lines that are indented no further, as kubectl does: %j', (text, expected) => {
    expect(parseYaml(text)).toEqual(expected);
  });

  it('tells the line of what is wrong behind such lines too', () => {
    const lineOf = (text: string): number | undefined => {
      try {
        parseYaml(text);
        return undefined;
      } catch (error) {
        return (error as YamlError).line;
      }
    };
    expect(lineOf('a: [\n]\n---\nb: [\n]\nb: 2\n')).toBe(6);
    expect(lineOf(`a: [\n${'1,\n'.repeat(600)}]\n`)).toBeDefined();
  });
});
