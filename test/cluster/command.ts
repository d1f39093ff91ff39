import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { cacheFolder } from '../../deploy/go-build.ts';
import { startControlPlane } from './control-plane.ts';

/** Where a control plane of `up` leaves the facts about itself. */
export const readyFile = 'ready.json';

const usage = 'usage: npm run cluster -- up [--port N] [--nodes N] [--dir DIR] | down [--dir DIR]';

/** `npm run cluster`: `up` stays until it is stopped, by a signal or by `down`. */
export async function clusterCommand(args: readonly string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { port: { type: 'string' }, nodes: { type: 'string' }, dir: { type: 'string' } },
  });
  const dir = values.dir ?? join(cacheFolder, 'cluster');
  if (positionals[0] === 'up') return up(dir, Number(values.port ?? 0), Number(values.nodes ?? 2));
  if (positionals[0] === 'down') return down(dir);
  process.stderr.write(`${usage}\n`);
  return 1;
}

async function up(dir: string, port: number, nodes: number): Promise<number> {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const plane = await startControlPlane({ dir, port, nodes });
  const pidFile = join(dir, 'up.pid');
  writeFileSync(pidFile, String(process.pid));
  writeFileSync(join(dir, readyFile), JSON.stringify(plane));
  process.stderr.write(
    `control plane ready in ${plane.seconds.toFixed(1)} s at ${plane.server}; stop it with Ctrl-C or npm run cluster -- down\n`,
  );
  process.stdout.write(`${plane.kubeconfig}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  await plane.stop();
  rmSync(pidFile, { force: true });
  return 0;
}

/** Whether a control plane that `up` started runs in a folder. */
export function isUp(dir: string): boolean {
  const pidFile = join(dir, 'up.pid');
  return existsSync(pidFile) && isAlive(Number(readFileSync(pidFile, 'utf8')));
}

async function down(dir: string): Promise<number> {
  const pidFile = join(dir, 'up.pid');
  const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
  if (!isAlive(pid)) {
    process.stderr.write(`no control plane runs in ${dir}\n`);
    return 0;
  }
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; waited < 100 && isAlive(pid); waited += 1) await sleep(100);
  return isAlive(pid) ? 1 : 0;
}

function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
