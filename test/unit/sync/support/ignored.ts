import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isIgnoredBy, parseIgnoreRules } from '../../../../sync/source/ignore-rules.ts';

/** A folder in which git is asked what it ignores. */
export interface AskedGit {
  /** What git itself ignores of some paths; a slash at the end makes a folder. */
  ignored(rules: string, paths: readonly string[]): string[];
  close(): void;
}

export function askGit(): AskedGit {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-ignore-'));
  const env = { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1' };
  execFileSync('git', ['init', '--quiet'], { cwd: folder, env });
  return {
    ignored: (rules, paths) => {
      writeFileSync(join(folder, '.gitignore'), rules);
      try {
        const input = paths.join('\0');
        const told = execFileSync('git', ['check-ignore', '--no-index', '-z', '--stdin'], { cwd: folder, env, input });
        const all = told.toString().split('\0');
        return all.filter((path) => path !== '').sort();
      } catch {
        return [];
      }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The same by our rules: nothing below an ignored folder comes back. */
export function ignoredByUs(text: string, paths: readonly string[]): string[] {
  const rules = parseIgnoreRules(text);
  const isIgnored = (path: string): boolean => {
    const names = path.split('/').filter((name) => name !== '');
    return names.some((_name, index) => {
      const isFolder = index < names.length - 1 || path.endsWith('/');
      return isIgnoredBy(rules, names.slice(0, index + 1), isFolder, () => undefined) === true;
    });
  };
  return paths.filter(isIgnored).sort();
}
