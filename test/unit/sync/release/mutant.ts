import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..', '..', '..', '..');

/**
 * A module of ours with one line of it changed.
 * @param file its path from the root
 * @param line a text that stands in it once
 */
export async function mutant<T>(file: string, line: string, instead: string): Promise<T> {
  const path = join(root, file);
  const text = readFileSync(path, 'utf8');
  if (text.split(line).length !== 2) throw new Error(`${file} must hold this once: ${line}`);
  const changed = text
    .replace(line, instead)
    .replaceAll(/from '(\.[^']+)'/g, (_all, target: string) => `from '${join(dirname(path), target)}'`);
  const copy = join(mkdtempSync(join(tmpdir(), 'lockstep-mutant-')), basename(file));
  writeFileSync(copy, changed);
  return import(/* @vite-ignore */ pathToFileURL(copy).href);
}
