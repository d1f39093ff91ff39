import { afterAll, expect, it } from 'vitest';
import { parseIgnoreRules } from '../../../sync/source/ignore-rules.ts';
import { askGit, ignoredByUs } from '../sync/support/ignored.ts';
import { broken, campaign, campaignTimeout, inTime } from './campaign.ts';

const git = askGit();
afterAll(() => git.close());

const corpus = [
  '# comment\n*.txt\n!/keep.txt\n/deploy/dev/\n',
  'a/**/b\n**/x\n!**/y/\nfoo/**\n',
  '\\#a\n\\!b\n[a-c]*\n[!x]y\n[[:upper:]]?\nspace \\ \n',
  '/*\n!/a\n/a/*\n!/a/b\n',
].map((text) => Buffer.from(text));
const words = [
  '*',
  '**',
  '/',
  '!',
  '?',
  '[',
  ']',
  '[a-z]',
  '[!',
  '[[:space:]]',
  '\\',
  '#',
  ' ',
  '\n',
  'a',
  'b',
  '-',
  '\r\n',
  '\t',
  'A',
];
const paths = [
  'a',
  'b',
  'ab',
  'a/b',
  'a/b/c',
  'b/a',
  'x/y/a',
  'x/y/z.txt',
  'keep.txt',
  'deploy/dev/a',
  'foo/a/b',
  '#a',
  '!b',
  'space ',
  'A',
  'Ay',
  'y/a',
  '[',
  'a]',
  '-',
];

/**
 * Git decides by a table of letters in two places, in which we do not follow it: two stars beside another letter, which it takes now for
 * one and now for any depth, and a backslash at the end or before a slash. Everything else is what git takes it for.
 */
const undecided = /\*\*\*|[^/\n!]\*\*|\*\*[^/\n]|\\$|\\\/|\\\n|\\\r|\[[^\]]*[\\/][^\]]*\]?|\0|\t/m;

/** Rules that are read ignore what git ignores by them. */
function holds(text: string): void {
  try {
    inTime(1_000, () => parseIgnoreRules(text));
  } catch (error) {
    expect((error as Error).message).toMatch(/^(there are more than|a line is longer than)/);
    return;
  }
  const ours = inTime(1_000, () => ignoredByUs(text, paths));
  if (!undecided.test(text)) expect([text, ours]).toEqual([text, git.ignored(text, paths)]);
}

it('rules are refused, or ignore what git ignores by them', { timeout: campaignTimeout }, () =>
  campaign('ignore rules', broken(corpus, words, 10), 600, (bytes) => holds(bytes.toString())),
);
