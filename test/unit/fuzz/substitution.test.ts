import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isObject, type Json } from '../../../diff/json.ts';
import { readManifests } from '../../../sync/render/plain.ts';
import { withVariables } from '../../../sync/render/substitute.ts';
import { substituteText, VariableError } from '../../../sync/render/variables.ts';
import { broken, campaign, campaignTimeout, inTime, requireUntouched } from './campaign.ts';

const corpus = [
  '${a} and ${b:-default} $${c} $d',
  '${a:=x}${a-y}${a=z}${#a}',
  '${a^}${a^^}${a,}${a,,}${a:1}${a:1:2}${a: -1}',
  '${a#x*}${a##*/}${a%.*}${a%%.*}',
  '${a/x/y}${a//x/y}${a/#x/y}${a/%x/y}',
  '${b:-${a:-${b}}}',
].map((text) => Buffer.from(text));
const words = [
  '${',
  '}',
  '$',
  '$$',
  '${a',
  '${b:',
  ':-',
  ':=',
  '#',
  '##',
  '%',
  '%%',
  '/',
  '//',
  '*',
  '?',
  '[',
  ']',
  '\\',
  '${a}',
  ':',
  '-1',
  '^',
  ',',
  '999999999999',
  '__proto__',
];
const values = new Map([
  ['a', 'x/y.z${b}: {injected: "yes"}\n- no'],
  ['b', '1'],
]);

/** A text is replaced, or refused by an error that does not tell what a variable stands for. */
function holds(text: string): void {
  try {
    const made = inTime(1_000, () => substituteText(text, values));
    if (!text.includes('${')) expect(made).toBe(text);
  } catch (error) {
    expect(error).toBeInstanceOf(VariableError);
    expect((error as Error).message).not.toContain('injected');
  }
  requireUntouched();
}

it('a text with variables is replaced, or is an error of its own', { timeout: campaignTimeout }, () =>
  campaign('substitution', broken(corpus, words), 5_000, (bytes) => holds(bytes.toString())),
);

/** The shape of a value: its maps, lists and keys. */
const shapeOf = (value: Json | undefined): unknown => {
  if (Array.isArray(value)) return value.map(shapeOf);
  return isObject(value) ? Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]) : 'one';
};

it(
  'whatever a variable stands for, nothing around it changes',
  async () => {
    const text =
      'apiVersion: v1\nkind: X\nmetadata: {name: m}\nspec:\n  plain: ${v}\n  "quoted": "${v}"\n  list: [a, "${v}"]\n  part: x-${v}-y\n  block: |\n    ${v}\n';
    const { objects, problems } = readManifests('a.yaml', text);
    const before = shapeOf(objects[0]?.object);
    await campaign(
      'values of variables',
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('a: b', '- c', '"', "'", '{x: y}', '\n', '# d', '&a', '*a', '!!binary eA==', '---', 'null'),
      ),
      2_000,
      (value) => {
        const made = withVariables({ objects, problems }, new Map([['v', value]]), value, new WeakMap());
        expect(made.problems).toEqual([]);
        const spec = made.objects[0]?.object['spec'] as Record<string, Json>;
        expect(shapeOf(made.objects[0]?.object)).toEqual(before);
        expect([spec['quoted'], spec['part'], spec['block']]).toEqual([value, `x-${value}-y`, `${value}\n`]);
      },
    );
  },
  campaignTimeout,
);
