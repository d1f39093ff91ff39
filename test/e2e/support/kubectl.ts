import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildControlPlane } from '../../cluster/build.ts';
import type { Answer } from './beside.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** Runs the real kubectl, in the root of the checkout. */
export async function kubectl(kubeconfig: string, args: readonly string[], input = ''): Promise<Answer> {
  const binary = await buildControlPlane((line) => process.stderr.write(`${line}\n`));
  const { status, stdout, stderr } = spawnSync(binary, ['kubectl', ...args], {
    cwd: root,
    input,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', KUBECONFIG: kubeconfig },
  });
  return { code: status, stdout, stderr };
}
