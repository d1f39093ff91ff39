import type { Json, JsonObject } from '../../diff/json.ts';
import { YamlError } from './yaml-error.ts';

/**
 * The library ends a text that does not end with a line break by one, and a block of text at its end then has a break that
 * nobody wrote.
 */
export function withoutAddedBreak(source: string, documents: Json[]): Json[] {
  const added = `${source.slice(source.lastIndexOf('\n') + 1).trimStart()}\n`;
  const shorten = (value: Json | undefined): Json | undefined => {
    if (typeof value === 'string') return value.endsWith(added) ? value.slice(0, -1) : undefined;
    if (value === null || typeof value !== 'object') return undefined;
    const holder = value as JsonObject;
    const last = Object.keys(holder).at(-1) ?? '';
    const shorter = shorten(holder[last]);
    if (typeof shorter === 'string') holder[last] = shorter;
    return undefined;
  };
  const shorter = added === '\n' ? undefined : shorten(documents.at(-1));
  return typeof shorter === 'string' ? [...documents.slice(0, -1), shorter] : documents;
}

/** How the library reads, and what it says. */
interface Reader {
  load(text: string): Json[];
  /** The line, from 0, that it refuses for its indentation alone. */
  deficientLine(error: unknown): number | undefined;
  readable(error: unknown, linesBefore: number): Error;
}

/** Lines that are mended, and letters that are looked at again for them: more are not worth the time. */
const most = { lines: 500, letters: 10_000_000 };
/** Blanks that are added at once: more than anybody indents by. */
const indentation = ' '.repeat(120);

/**
 * Reads a text whose brackets, braces or quotes go on in lines that are indented no further than what they belong to: kubectl
 * takes that, and the library refuses it by name and line. Blanks at the beginning of such a line mean nothing, so it gets
 * some. Document by document, since each line that is mended costs another look at the whole.
 */
export function indenting(source: string, { load, deficientLine, readable }: Reader): Json[] {
  let linesBefore = 0;
  let letters = 0;
  return documentsOf(source).flatMap((document) => {
    const before = linesBefore;
    const rows = document.split('\n');
    linesBefore += rows.length - 1;
    for (let mended = 0; ; mended += 1) {
      try {
        return load(rows.join('\n'));
      } catch (error) {
        const line = deficientLine(error);
        const row = line === undefined ? undefined : rows[line];
        letters += document.length;
        const isTooMuch = mended >= most.lines || letters > most.letters;
        if (line === undefined || row === undefined || row.startsWith(indentation) || isTooMuch)
          throw readable(error, before);
        rows[line] = indentation + row;
      }
    }
  });
}

/** Documents of a text, some together. */
export interface DocumentGroup {
  readonly text: string;
  readonly linesBefore: number;
}

/**
 * A text in parts of some letters each, cut between documents: read one after the other they are what the whole is. Directives are for
 * what comes behind them, so a text with any stays whole.
 */
export function* documentGroups(source: string, letters: number): Generator<DocumentGroup> {
  const documents = /^%/m.test(source) ? [source] : documentsOf(source);
  let [text, linesBefore] = ['', 0];
  for (const document of documents) {
    if (text !== '' && text.length + document.length > letters) {
      yield { text, linesBefore };
      linesBefore += text.split('\n').length - 1;
      text = '';
    }
    text += document;
  }
  yield { text, linesBefore };
}

/** What stands before the first mark, comments and directives, is part of what comes next. */
function documentsOf(source: string): string[] {
  const documents = source.split(/^(?=---(?:[ \t\r]|$))/m);
  const [first = '', second] = documents;
  const isPreamble = second !== undefined && /^(?:[ \t]*(?:#.*)?\r?\n|%.*\n)*$/.test(first);
  return isPreamble ? [first + second, ...documents.slice(2)] : documents;
}

/**
 * Aliases share what they name, so a small text can unfold into a huge value when it is walked or written out.
 * @param inside what a value holds
 * @throws YamlError with the problem, for more values than that
 */
export function limitNodes<T>(
  documents: readonly T[],
  inside: (value: T) => readonly T[],
  most: number,
  problem: string,
): void {
  let nodes = 0;
  const pending = [...documents];
  while (pending.length > 0) {
    const value = pending.pop() as T;
    nodes += 1;
    if (nodes > most) throw new YamlError(problem);
    for (const inner of inside(value)) pending.push(inner);
  }
}
