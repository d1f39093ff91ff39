import { type Budget, fitsGlob, fitsInOrder, type Glyph, parseGlob } from './glob.ts';

/** One line of a file of ignore rules. */
interface Rule {
  readonly isExcepted: boolean;
  readonly foldersOnly: boolean;
  /** Globs of the names on the way, `**` for any number of them. */
  readonly segments: readonly Segment[];
}

type Segment = '**' | readonly Glyph[];

/** The rules of one file, for what is below its folder. */
export interface IgnoreRules {
  readonly rules: readonly Rule[];
}

const most = { rules: 1_000, letters: 1_000 };

/**
 * Reads a file of ignore rules, as gitignore(5) has them.
 * @throws Error when there are more than anybody writes
 */
export function parseIgnoreRules(text: string): IgnoreRules {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  if (lines.length > most.rules) throw new Error(`there are more than ${most.rules} lines`);
  return { rules: lines.flatMap((line) => parseRule(line) ?? []) };
}

function parseRule(line: string): Rule | undefined {
  if (line.length > most.letters) throw new Error(`a line is longer than ${most.letters} letters`);
  if (line.startsWith('#')) return undefined;
  // Spaces at the end count only behind a backslash.
  const trimmed = withoutBlanks(line);
  const isExcepted = trimmed.startsWith('!');
  const bare = isExcepted ? trimmed.slice(1) : trimmed;
  const foldersOnly = bare.endsWith('/');
  const pattern = foldersOnly ? bare.slice(0, -1) : bare;
  if (pattern === '' || pattern === '/') return undefined;
  // Without a slash in it a name is meant at any depth.
  const isAnchored = pattern.includes('/');
  const parts = pattern.replace(/^\//, '').split('/');
  const segments: Segment[] = isAnchored ? [] : ['**'];
  for (const part of parts) {
    const glob = part === '**' ? part : parseGlob(part);
    if (glob === undefined) return undefined;
    segments.push(glob);
  }
  return { isExcepted, foldersOnly, segments };
}

function withoutBlanks(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === ' ') end -= 1;
  let slashes = 0;
  while (line[end - 1 - slashes] === '\\') slashes += 1;
  // A backslash that is none itself keeps the first of them.
  return slashes % 2 === 1 && end < line.length ? line.slice(0, end + 1) : line.slice(0, end);
}

/**
 * What rules say of a file or folder.
 * @param names those on the way from the folder that the rules are for, its own last
 * @returns undefined when they say nothing
 */
export function isIgnoredBy(
  { rules }: IgnoreRules,
  names: readonly string[],
  isFolder: boolean,
  step: Budget,
): boolean | undefined {
  for (let i = rules.length - 1; i >= 0; i -= 1) {
    const rule = rules[i];
    if (rule === undefined || (rule.foldersOnly && !isFolder)) continue;
    if (fitsPath(rule.segments, names, step)) return !rule.isExcepted;
  }
  return undefined;
}

function fitsPath(segments: readonly Segment[], names: readonly string[], step: Budget): boolean {
  const how = {
    isStar: (segment: Segment): boolean => segment === '**',
    fits: (segment: Segment, name: string): boolean => segment !== '**' && fitsGlob(segment, name, step),
  };
  // `a/**` is what is below a, and never a itself.
  if (segments.at(-1) === '**' && segments.length > 1) return fitsBelow(segments.slice(0, -1), names, how, step);
  return fitsInOrder(segments, names, how, step);
}

function fitsBelow(
  segments: readonly Segment[],
  names: readonly string[],
  how: { isStar(segment: Segment): boolean; fits(segment: Segment, name: string): boolean },
  step: Budget,
): boolean {
  return fitsInOrder([...segments, '**'], names.slice(0, -1), how, step) && names.length > 0;
}
