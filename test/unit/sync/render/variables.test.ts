import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { substituteText } from '../../../../sync/render/variables.ts';

const variables = new Map([
  ['name', 'web'],
  ['empty', ''],
  ['path', 'a/b/c.tar.gz'],
  ['lines', 'one\ntwo: "x"\n'],
  ['dollar', '$&${name}$1'],
  ['__proto__', 'own'],
]);
const read = (text: string): string => substituteText(text, variables);

describe('a variable', () => {
  it.each([
    ['${name}', 'web'],
    ['a-${name}-${name}', 'a-web-web'],
    ['nothing, $name, $(name), {name}, $', 'nothing, $name, $(name), {name}, $'],
    ['$${name} and $$${name}', '${name} and $${name}'],
    ['${missing:-x}', 'x'],
    ['${missing:=x y}', 'x y'],
    ['${missing-x}', 'x'],
    ['${empty:-x}|${empty-x}|${empty=x}', 'x||'],
    ['${missing:-${name}}', 'web'],
    ['${missing:-}', ''],
    ['${missing:-a\\}b\\d}', 'a}b\\d'],
    ['${#name}', '3'],
    ['${name^}${name^^}', 'WebWEB'],
    ['${name,}${name,,}', 'webweb'],
    ['${name:1}|${name:0:2}|${name:9}', 'eb|we|'],
    ['${path#*/}|${path##*/}', 'b/c.tar.gz|c.tar.gz'],
    ['${path%.*}|${path%%.*}', 'a/b/c.tar|a/b/c'],
    ['${path#x}', 'a/b/c.tar.gz'],
    ['${path/\\//-}|${path//\\//-}', 'a-b/c.tar.gz|a-b-c.tar.gz'],
    ['${path/#a/x}|${path/%gz/xz}|${path/#b/x}', 'x/b/c.tar.gz|a/b/c.tar.xz|a/b/c.tar.gz'],
    ['${lines}', 'one\ntwo: "x"\n'],
    ['${dollar}|${name/web/$&}', '$&${name}$1|$&'],
    ['${__proto__}', 'own'],
  ])('%s is %s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each([
    ['${missing}', 'the variable missing is not given, and has no default'],
    ['${missing^}', 'the variable missing is not given'],
    ['${#missing}', 'the variable missing is not given'],
    ['${toString}', 'the variable toString is not given'],
    ['${}', 'is no variable'],
    ['${1}', 'is no variable'],
    ['${a.b}', 'is no form that is known'],
    ['${arr[@]}', 'is no form that is known'],
    ['${name', 'not closed'],
    ['${name:-x', 'not closed'],
    ['${name:x}', 'needs numbers'],
    ['${name+x}', 'is no form that is known'],
    ['${name^x}', 'is no form that is known'],
    [`${'${x:-'.repeat(20)}y${'}'.repeat(20)}`, 'nested too deeply'],
  ])('%s is refused', (text, problem) => {
    expect(() => read(text)).toThrow(problem);
  });

  it('never makes another variable of what it stands for', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(substituteText('a${v}b', new Map([['v', value]]))).toBe(`a${value}b`);
      }),
    );
  });

  it('of noise is an error or a text, soon', () => {
    const piece = fc.constantFrom(
      '${',
      '}',
      '$',
      '$${',
      'name',
      ':',
      '-',
      '#',
      '%',
      '/',
      '*',
      '\\',
      '^',
      ',',
      'x',
      '1',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        try {
          expect(typeof read(pieces.join(''))).toBe('string');
        } catch (error) {
          expect((error as Error).constructor.name).toBe('VariableError');
        }
      }),
      { numRuns: 1_000 },
    );
    const began = performance.now();
    const long = new Map([['v', 'a'.repeat(4_000)]]);
    substituteText(`\${v##${'*a'.repeat(50)}b}`, long);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
