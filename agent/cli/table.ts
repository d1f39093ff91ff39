import { type Json, toJson } from '../../diff/json.ts';

/** What would steer a terminal, or turn the order of letters round. Authors and subjects of commits can be anybody's. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A text that is safe to show on a terminal: what is not is written as its code. */
export function printable(text: string): string {
  return text.replaceAll(control, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Writes a value as JSON that is safe to show on a terminal. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printable(toJson(value as Json, 2))}\n`);
}

/** Rows with their columns under each other, each on one line. */
export function table(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => printable(cell).replaceAll(/[\n\t]+/g, ' ')));
  const columns = Math.max(...cells.map((row) => row.length)) - 1;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return cells.map((row) => `${line(row).trimEnd()}\n`).join('');
}
