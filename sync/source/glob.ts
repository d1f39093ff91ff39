/** Counts steps. @throws Error when there are more than there may be */
export type Budget = () => void;

/**
 * Whether a row of items fits a row of patterns, one each, where a star stands for any number of items. A star takes as few
 * as it can and gives way to the next one for good, so the time is the product of the lengths at most.
 */
export function fitsInOrder<P, I>(
  patterns: readonly P[],
  items: readonly I[],
  how: { isStar(pattern: P): boolean; fits(pattern: P, item: I): boolean },
  step: Budget,
): boolean {
  let [at, from, star, mark] = [0, 0, -1, 0];
  while (from < items.length) {
    step();
    const pattern = patterns[at];
    if (pattern !== undefined && how.isStar(pattern)) {
      star = at;
      mark = from;
      at += 1;
    } else if (pattern !== undefined && how.fits(pattern, items[from] as I)) {
      at += 1;
      from += 1;
    } else if (star >= 0) {
      at = star + 1;
      mark += 1;
      from = mark;
    } else return false;
  }
  return patterns.slice(at).every((pattern) => how.isStar(pattern));
}

/** One letter of a glob. */
export type Glyph =
  | { readonly kind: 'star' | 'any' }
  | { readonly kind: 'letter'; readonly letter: string }
  | { readonly kind: 'class'; readonly not: boolean; readonly ranges: readonly Range[] };

const ofLetters = {
  isStar: ({ kind }: Glyph): boolean => kind === 'star',
  fits: (glyph: Glyph, letter: string): boolean => {
    if (glyph.kind === 'letter') return glyph.letter === letter;
    if (glyph.kind === 'class')
      return glyph.ranges.some(([first, last]) => letter >= first && letter <= last) !== glyph.not;
    return true;
  },
};

/** Whether a text fits a glob: `*`, `?`, `[a-z]`, `[!x]` and `\x`. */
export function fitsGlob(glob: readonly Glyph[], text: string, step: Budget): boolean {
  return fitsInOrder(glob, [...text], ofLetters, step);
}

const named: Readonly<Record<string, readonly Range[]>> = {
  digit: [['0', '9']],
  lower: [['a', 'z']],
  upper: [['A', 'Z']],
  alpha: [
    ['a', 'z'],
    ['A', 'Z'],
  ],
  alnum: [
    ['a', 'z'],
    ['A', 'Z'],
    ['0', '9'],
  ],
  xdigit: [
    ['a', 'f'],
    ['A', 'F'],
    ['0', '9'],
  ],
  space: [
    [' ', ' '],
    ['\t', '\r'],
  ],
  punct: [
    ['!', '/'],
    [':', '@'],
    ['[', '`'],
    ['{', '~'],
  ],
};

/** A glob, letter by letter; undefined for one that fits nothing, such as `[a`. */
export function parseGlob(text: string): Glyph[] | undefined {
  const letters = [...text];
  const glob: Glyph[] = [];
  for (let at = 0; at < letters.length; ) {
    const found = glyphAt(letters, at);
    if (found === undefined) return undefined;
    glob.push(found.glyph);
    at = found.next;
  }
  return glob;
}

interface Found<T> {
  readonly glyph: T;
  readonly next: number;
}

function glyphAt(letters: readonly string[], at: number): Found<Glyph> | undefined {
  const letter = letters[at] ?? '';
  if (letter === '*') return { glyph: { kind: 'star' }, next: at + 1 };
  if (letter === '?') return { glyph: { kind: 'any' }, next: at + 1 };
  if (letter === '[') return classAt(letters, at + 1);
  const { glyph, next } = letterAt(letters, at);
  return glyph === undefined ? undefined : { glyph: { kind: 'letter', letter: glyph }, next };
}

/** What stands between brackets; a bracket that comes first is a letter. */
function classAt(letters: readonly string[], from: number): Found<Glyph> | undefined {
  const not = letters[from] === '!' || letters[from] === '^';
  const first = not ? from + 1 : from;
  const ranges: Range[] = [];
  for (let at = first; at < letters.length; ) {
    if (letters[at] === ']' && at > first) return { glyph: { kind: 'class', not, ranges }, next: at + 1 };
    const found = namedAt(letters, at) ?? rangeAt(letters, at);
    if (found.glyph === undefined) return undefined;
    ranges.push(...found.glyph);
    at = found.next;
  }
  return undefined;
}

type Range = readonly [string, string];

/** `[:upper:]`, up to the next bracket; with a name that is not known the whole fits nothing. */
function namedAt(letters: readonly string[], at: number): Found<readonly Range[] | undefined> | undefined {
  if (letters[at] !== '[' || letters[at + 1] !== ':') return undefined;
  const end = letters.indexOf(']', at + 2);
  if (end === at + 2 || (end > 0 && letters[end - 1] !== ':')) return undefined;
  const name = letters.slice(at + 2, end - 1).join('');
  return { glyph: end > 0 && Object.hasOwn(named, name) ? named[name] : undefined, next: end + 1 };
}

/** `a-z`, or one letter alone. */
function rangeAt(letters: readonly string[], at: number): Found<readonly Range[] | undefined> {
  const first = letterAt(letters, at);
  const isRange = letters[first.next] === '-' && (letters[first.next + 1] ?? ']') !== ']';
  const last = isRange ? letterAt(letters, first.next + 1) : first;
  const isWhole = first.glyph !== undefined && last.glyph !== undefined;
  return { glyph: isWhole ? [[first.glyph ?? '', last.glyph ?? '']] : undefined, next: last.next };
}

/** A letter, or the one behind a backslash. */
function letterAt(letters: readonly string[], at: number): Found<string | undefined> {
  return letters[at] === '\\' ? { glyph: letters[at + 1], next: at + 2 } : { glyph: letters[at], next: at + 1 };
}
