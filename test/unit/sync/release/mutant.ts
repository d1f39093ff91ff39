import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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
  const changed = mutated(file, line, instead).replaceAll(
    /from '(\.[^']+)'/g,
    (_all, target: string) => `from '${join(dirname(path), target)}'`,
  );
  const copy = join(mkdtempSync(join(tmpdir(), 'lockstep-mutant-')), basename(file));
  writeFileSync(copy, changed);
  return import(/* @vite-ignore */ pathToFileURL(copy).href);
}

/**
 * All modules of a folder of ours with one line of one of them changed, as that which is imported by its name.
 * @param entry the module to import, as a path from the root
 */
export async function mutantRoom<T>(entry: string, file: string, line: string, instead: string): Promise<T> {
  const room = dirname(entry);
  const copy = mkdtempSync(join(tmpdir(), 'lockstep-mutant-'));
  for (const name of readdirSync(join(root, room))) {
    const path = join(room, name);
    const text = path === file ? mutated(file, line, instead) : readFileSync(join(root, path), 'utf8');
    const linked = text.replaceAll(
      /from '(\.\.\/[^']+)'/g,
      (_all, target: string) => `from '${join(root, room, target)}'`,
    );
    writeFileSync(join(copy, name), linked);
  }
  return import(/* @vite-ignore */ pathToFileURL(join(copy, basename(entry))).href);
}

function mutated(file: string, line: string, instead: string): string {
  const text = readFileSync(join(root, file), 'utf8');
  if (text.split(line).length !== 2) throw new Error(`${file} must hold this once: ${line}`);
  return text.replace(line, instead);
}
