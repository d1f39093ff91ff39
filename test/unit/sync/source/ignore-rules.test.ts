import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parseIgnoreRules } from '../../../../sync/source/ignore-rules.ts';
import { askGit, ignoredByUs } from '../support/ignored.ts';

const git = askGit();
afterAll(() => git.close());

const paths = [
  'a',
  'b',
  'ab',
  'a.yaml',
  'c/a/b',
  'a/b/c',
  'a/b.yaml',
  'b/a',
  'b/a/c',
  'x/a.yaml',
  'x/y/a.yaml',
  'a b',
  '#a',
  '!a',
  'A',
  'a-b',
  'a]',
  'z/x',
];

describe('ignore rules', () => {
  it.each([
    'a',
    '/a',
    'a/',
    '/a/',
    '*.yaml',
    '!a',
    '*\n!a',
    '*\n!*/\n!a.yaml',
    'a/b',
    'a/*',
    'a/**',
    '**/a',
    '**/a/**',
    'a/**/c',
    '**',
    '**/',
    '/**/a',
    'x/**/a.yaml',
    '[ab]',
    '[!ab]',
    '[^ab]',
    '[a-b]',
    '[]-]',
    'a[]]',
    '[[:upper:]]',
    '[[:nope:]]',
    '[a',
    '\\a',
    '\\#a',
    '\\!a',
    '#a',
    'a ',
    'a\\ b',
    'a b ',
    '?',
    '??',
    '/*/a',
    '*/',
    'a//b',
    '\\',
    'a\\',
    '',
    '/',
    '!',
    '!/',
    'a\r',
    'x/*\n!x/y',
    'x/\n!x/y/a.yaml',
    '**a',
    'a**',
    'a/**b',
    '*a*b*',
    'a[[:space:]]b',
  ])('%j are what git takes them for', (rules) => {
    expect(ignoredByUs(rules, paths)).toEqual(git.ignored(rules, paths));
  });

  it('that are made up are what git takes them for', () => {
    const part = fc.constantFrom('a', 'b', '*', '?', '[ab]', '[!a]', 'a*', '*b', '\\a', '.yaml', 'x', '-');
    // Of two stars beside a letter git itself makes different things, by what stands before them.
    const names = fc.array(part, { minLength: 1, maxLength: 3 }).map((some) => some.join('').replaceAll(/\*+/g, '*'));
    const segment = fc.oneof({ weight: 4, arbitrary: names }, fc.constant('**'));
    const line = fc
      .tuple(
        fc.constantFrom('', '!', '/', '!/'),
        fc.array(segment, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('', '/'),
      )
      .map(([before, parts, after]) => `${before}${parts.join('/')}${after}`);
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 4 }), (lines) => {
        const rules = lines.join('\n');
        expect([rules, ignoredByUs(rules, paths)]).toEqual([rules, git.ignored(rules, paths)]);
      }),
      { numRuns: 250 },
    );
  });

  it('take no long time over a pattern that is made to', () => {
    const began = performance.now();
    const rules = `${'*a'.repeat(490)}b\n${'**/'.repeat(300)}b\n${'a/**/'.repeat(190)}b`;
    const deep = Array.from({ length: 60 }, () => 'a'.repeat(60)).join('/');
    expect(ignoredByUs(rules, ['a'.repeat(255), deep])).toEqual([]);
    expect(performance.now() - began).toBeLessThan(1_500);
  });

  it.each([
    ['x\n'.repeat(1_001), 'more than 1000 lines'],
    ['x'.repeat(1_001), 'longer than 1000 letters'],
  ])('that nobody writes are refused', (text, problem) => {
    expect(() => parseIgnoreRules(text)).toThrow(problem);
  });
});
