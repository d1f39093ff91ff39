import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder } from '../../deploy/go-build.ts';
import { buildControlPlane } from './build.ts';
import { isUp, readyFile } from './command.ts';

/** The folder of the control plane that `npm test -- NAME` keeps between its runs. */
export const keptFolder = join(cacheFolder, 'kept');

/** Starts the kept control plane when it does not run. It stays until `npm run cluster -- down --dir FOLDER`. */
export async function startKept(): Promise<void> {
  if (isUp(keptFolder)) return;
  await buildControlPlane((line) => process.stderr.write(`${line}\n`));
  mkdirSync(cacheFolder, { recursive: true });
  const log = openSync(join(cacheFolder, 'kept.log'), 'w');
  const script = join(import.meta.dirname, '..', 'run.ts');
  spawn(process.execPath, [script, 'cluster', 'up', '--dir', keptFolder], {
    detached: true,
    stdio: ['ignore', log, log],
  }).unref();
  for (let waited = 0; waited < 600 && !(isUp(keptFolder) && existsSync(join(keptFolder, readyFile))); waited += 1)
    await sleep(100);
  process.stderr.write(
    `control plane kept in ${keptFolder}; end it with npm run cluster -- down --dir ${keptFolder}\n`,
  );
}

/** What the kept control plane said about itself. */
export function keptFacts(): { kubeconfig: string; users: Record<string, string>; auditLog: string } {
  return JSON.parse(readFileSync(join(keptFolder, readyFile), 'utf8'));
}
