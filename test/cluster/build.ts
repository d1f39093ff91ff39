import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const sources = import.meta.dirname;

/** Where what was built once is kept, outside of the checkout. */
export const cacheFolder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lockstep');

/**
 * The control plane's binary, built when its sources changed (4 to 8 minutes on 2 cores the first time, seconds when
 * only our own files changed).
 * @param say told about progress; called at least every 10 s while something is going on
 */
export async function buildControlPlane(say: (line: string) => void): Promise<string> {
  const binary = join(cacheFolder, `control-plane-${sourceHash()}`);
  if (existsSync(binary)) return binary;
  mkdirSync(cacheFolder, { recursive: true });
  const started = Date.now();
  const seconds = (): number => Math.round((Date.now() - started) / 1000);
  say(
    'building the test control plane (kube-apiserver, etcd, controllers, scheduler, kwok): 4 to 8 minutes the first time',
  );
  const ticker = setInterval(() => say(`still building the control plane, ${seconds()} s`), 10_000);
  try {
    await compile(`${binary}.new`);
  } finally {
    clearInterval(ticker);
  }
  renameSync(`${binary}.new`, binary);
  say(`control plane built in ${seconds()} s: ${binary}`);
  return binary;
}

function sourceHash(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(sources).sort()) {
    if (/\.(go|mod|sum|yaml)$/.test(name) && !name.endsWith('_test.go'))
      hash.update(name).update(readFileSync(join(sources, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

/** The version is set as a release build sets it: clients choke on an empty one. */
const linkerFlags = '-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3';

function compile(output: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = spawn('go', ['build', '-trimpath', '-ldflags', linkerFlags, '-o', output, '.'], {
      cwd: dirname(join(sources, 'go.mod')),
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    go.on('error', (error) => reject(new Error(`go can't be run: ${error.message}; install Go 1.26 or newer`)));
    go.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`go build failed with exit code ${code}`))));
  });
}
