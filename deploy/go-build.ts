import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what was built once is kept, outside of the checkout. */
export const cacheFolder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lockstep');

/** A program of a Go module. */
export interface GoProgram {
  /** What its binary is called. */
  readonly name: string;
  /** What people are told that is built. */
  readonly about: string;
  /** The folder of the module. */
  readonly folder: string;
  readonly linkerFlags: string;
  /** The package, where it is not the folder itself. */
  readonly package?: string;
}

/**
 * Builds a program when its sources changed.
 * @param say told about progress; called at least every 10 s while something is going on
 * @returns the binary
 * @throws Error when it can't be built
 */
export async function buildGo(program: GoProgram, say: (line: string) => void): Promise<string> {
  const { name, about, folder, linkerFlags } = program;
  const binary = join(cacheFolder, `${name}-${sourceHash(folder, linkerFlags)}`);
  if (existsSync(binary)) return binary;
  mkdirSync(cacheFolder, { recursive: true });
  const started = Date.now();
  const seconds = (): number => Math.round((Date.now() - started) / 1000);
  say(`building ${about}`);
  const ticker = setInterval(() => say(`still building the ${name}, ${seconds()} s`), 10_000);
  const fresh = `${binary}.${process.pid}.new`;
  try {
    await compile(program, fresh);
  } finally {
    clearInterval(ticker);
  }
  renameSync(fresh, binary);
  say(`${name} built in ${seconds()} s: ${binary}`);
  return binary;
}

function sourceHash(folder: string, linkerFlags: string): string {
  const hash = createHash('sha256').update(linkerFlags);
  for (const name of readdirSync(folder).sort()) {
    if (/\.(go|mod|sum|yaml)$/.test(name) && !name.endsWith('_test.go'))
      hash.update(name).update(readFileSync(join(folder, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

function compile({ folder, linkerFlags, package: what = '.' }: GoProgram, output: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = spawn('go', ['build', '-trimpath', '-ldflags', linkerFlags, '-o', output, what], {
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    go.on('error', (error) => reject(new Error(`go can't be run: ${error.message}; install Go 1.26 or newer`)));
    go.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`go build failed with exit code ${code}`))));
  });
}
