import { fits } from './ignored.ts';

/** Variables by their names. */
export type Variables = ReadonlyMap<string, string>;

/** What is wrong with a text that holds variables. It names them, and never what they stand for. */
export class VariableError extends Error {}

const nameStart = /[A-Za-z_]/;
const namePart = /[A-Za-z0-9_]/;

/**
 * Puts values in place of `${name}` and of the forms that Flux knows from shells: `${name:-default}`, `:=`, `-`, `=`,
 * `${#name}`, `^ ^^ , ,,`, `:from:length`, `# ## % %%`, and `/ // /# /%`. `$${` stands for `${`, and `$name` for itself.
 * @param spend told how many letters come of each variable; it may throw
 * @throws VariableError for a variable that nobody gave and that has no default, and for what is no such form
 */
export function substituteText(
  text: string,
  variables: Variables,
  spend: (letters: number) => void = () => undefined,
): string {
  const parts: string[] = [];
  let at = 0;
  for (let found = text.indexOf('${'); found >= 0; found = text.indexOf('${', at)) {
    if (found > at && text[found - 1] === '$') {
      parts.push(text.slice(at, found - 1), '${');
      at = found + 2;
      continue;
    }
    parts.push(text.slice(at, found));
    const { value, next } = expression(text, found + 2, variables, 0);
    spend(value.length);
    parts.push(value);
    at = next;
  }
  parts.push(text.slice(at));
  return parts.join('');
}

interface Read {
  readonly value: string;
  readonly next: number;
}

/** Expressions in defaults of expressions, at most. */
const deepest = 10;

function expression(text: string, from: number, variables: Variables, depth: number): Read {
  if (depth > deepest) throw new VariableError('variables are nested too deeply');
  const isLength = text[from] === '#';
  const start = isLength ? from + 1 : from;
  const name = nameAt(text, start);
  if (name === '') throw new VariableError('a text holds ${ and behind it is no variable; write $${ for a plain one');
  const end = start + name.length;
  if (isLength) return { value: String([...given(variables.get(name), name)].length), next: closed(text, end, name) };
  const { argument, next } = argumentAt(text, end, variables, depth);
  return { value: applied(name, argument, variables), next };
}

function nameAt(text: string, from: number): string {
  if (!nameStart.test(text[from] ?? '')) return '';
  let end = from + 1;
  while (namePart.test(text[end] ?? '')) end += 1;
  return text.slice(from, end);
}

function closed(text: string, at: number, name: string): number {
  if (text[at] !== '}') throw new VariableError(`\${${name} is not closed, or no form that is known`);
  return at + 1;
}

/** What stands behind the name, up to the brace that closes; variables in it are replaced. */
function argumentAt(
  text: string,
  from: number,
  variables: Variables,
  depth: number,
): { argument: string; next: number } {
  let argument = '';
  let at = from;
  while (at < text.length && text[at] !== '}') {
    if (text.startsWith('${', at)) {
      const inner = expression(text, at + 2, variables, depth + 1);
      argument += inner.value;
      at = inner.next;
    } else if (text[at] === '\\' && text[at + 1] === '}') {
      argument += '}';
      at += 2;
    } else {
      argument += text[at];
      at += 1;
    }
  }
  if (at >= text.length) throw new VariableError('a variable is not closed by a brace');
  return { argument, next: at + 1 };
}

type Form = (value: string | undefined, rest: string, name: string) => string;

/** Longer beginnings come before shorter ones. */
const forms: readonly (readonly [string, Form])[] = [
  [':-', (value, rest) => (value === undefined || value === '' ? rest : value)],
  [':=', (value, rest) => (value === undefined || value === '' ? rest : value)],
  ['-', (value, rest) => value ?? rest],
  ['=', (value, rest) => value ?? rest],
  ['^^', (value, rest, name) => bare(rest, name, given(value, name).toUpperCase())],
  [
    '^',
    (value, rest, name) =>
      bare(
        rest,
        name,
        firstBy(given(value, name), (letter) => letter.toUpperCase()),
      ),
  ],
  [',,', (value, rest, name) => bare(rest, name, given(value, name).toLowerCase())],
  [
    ',',
    (value, rest, name) =>
      bare(
        rest,
        name,
        firstBy(given(value, name), (letter) => letter.toLowerCase()),
      ),
  ],
  ['##', (value, rest, name) => withoutStart(given(value, name), rest, true)],
  ['#', (value, rest, name) => withoutStart(given(value, name), rest, false)],
  ['%%', (value, rest, name) => withoutEnd(given(value, name), rest, true)],
  ['%', (value, rest, name) => withoutEnd(given(value, name), rest, false)],
  ['//', (value, rest, name) => replaced(given(value, name), rest, 'all')],
  ['/#', (value, rest, name) => replaced(given(value, name), rest, 'start')],
  ['/%', (value, rest, name) => replaced(given(value, name), rest, 'end')],
  ['/', (value, rest, name) => replaced(given(value, name), rest, 'first')],
  [':', (value, rest, name) => sliced(given(value, name), rest, name)],
];

function applied(name: string, argument: string, variables: Variables): string {
  const value = variables.get(name);
  if (argument === '') return given(value, name);
  const form = forms.find(([start]) => argument.startsWith(start));
  if (form === undefined) throw new VariableError(`\${${name}…} is no form that is known; write $\${ for a plain one`);
  const [start, apply] = form;
  return apply(value, argument.slice(start.length), name);
}

function given(value: string | undefined, name: string): string {
  if (value === undefined) throw new VariableError(`the variable ${name} is not given, and has no default`);
  return value;
}

function bare(rest: string, name: string, value: string): string {
  if (rest !== '') throw new VariableError(`\${${name}…} is no form that is known; write $\${ for a plain one`);
  return value;
}

function firstBy(value: string, change: (letter: string) => string): string {
  const [first = '', ...others] = value;
  return change(first) + others.join('');
}

function sliced(value: string, rest: string, name: string): string {
  const [, from = '', , length] = /^(\d{1,9})(:(\d{1,9}))?$/.exec(rest.trim()) ?? [];
  if (from === '') throw new VariableError(`\${${name}:…} needs numbers behind the colon, or :- with a default`);
  const letters = [...value];
  return letters.slice(Number(from), length === undefined ? undefined : Number(from) + Number(length)).join('');
}

/** A pattern in which `*` stands for anything: its shortest or longest fit at the start goes. */
function withoutStart(value: string, pattern: string, isLongest: boolean): string {
  const ends = Array.from({ length: value.length + 1 }, (_, index) => index);
  const end = (isLongest ? ends.reverse() : ends).find((index) => fitsAll(pattern, value.slice(0, index)));
  return end === undefined ? value : value.slice(end);
}

function withoutEnd(value: string, pattern: string, isLongest: boolean): string {
  const starts = Array.from({ length: value.length + 1 }, (_, index) => index);
  const start = (isLongest ? starts : starts.reverse()).find((index) => fitsAll(pattern, value.slice(index)));
  return start === undefined ? value : value.slice(0, start);
}

/** Texts that are fitted again and again are short. */
const longestFitted = 4_096;

function fitsAll(pattern: string, text: string): boolean {
  if (text.length > longestFitted || pattern.length > longestFitted)
    throw new VariableError('a value is too long for a pattern');
  return fits(pattern, text);
}

/** No more than an object may hold. */
const longestReplaced = 3_000_000;

function replacedAll(value: string, old: string, fresh: string): string {
  const parts = value.split(old);
  if (value.length + parts.length * fresh.length > longestReplaced)
    throw new VariableError('a value is too long to replace parts of it');
  return parts.join(fresh);
}

function replaced(value: string, rest: string, where: 'all' | 'first' | 'start' | 'end'): string {
  const [old = '', ...others] = rest.split(/(?<!\\)\//).map((part) => part.replaceAll('\\/', '/'));
  const fresh = others.join('/');
  if (old === '') return value;
  if (where === 'all') return replacedAll(value, old, fresh);
  if (where === 'first') return value.replace(old, () => fresh);
  if (where === 'start') return value.startsWith(old) ? fresh + value.slice(old.length) : value;
  return value.endsWith(old) ? value.slice(0, value.length - old.length) + fresh : value;
}
