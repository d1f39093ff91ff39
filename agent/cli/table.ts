import { type Json, toJson } from '../../diff/json.ts';
import { printable } from '../printable.ts';

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
