import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundleFolder, nodeFlags } from '../../../deploy/bundle.ts';
import { type AgentProcess, watchAgent } from './agent.ts';

/** What an in-cluster configuration consists of. */
export interface PodIdentity {
  readonly host: string;
  readonly port: string;
  readonly ca: string;
  readonly token: string;
  readonly namespace: string;
}

/** The user that the image runs as. */
const uid = 65532;
const secrets = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Whether this user may change the root of a process: only root may. */
export const mayJail = process.getuid?.() === 0;

/**
 * Runs the bundle as the image does: as uid 65532, in a root folder that holds Node, the bundle and the pod's own token and
 * nothing else, all of it read-only but for /data.
 */
export async function startJailed(identity: PodIdentity, flags: readonly string[]): Promise<AgentProcess> {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-jail-'));
  const node = realpathSync(process.execPath);
  put(root, node, '/nodejs/bin/node');
  for (const library of librariesOf(node)) put(root, realpathSync(library), library);
  cpSync(bundleFolder, join(root, 'app'), { recursive: true });
  mkdirSync(join(root, secrets), { recursive: true });
  for (const [name, content] of Object.entries({
    'ca.crt': identity.ca,
    token: identity.token,
    namespace: identity.namespace,
  })) {
    writeFileSync(join(root, secrets, name), content);
    chownSync(join(root, secrets, name), 0, uid);
    chmodSync(join(root, secrets, name), 0o440);
  }
  lock(root);
  mkdirSync(join(root, 'data'));
  chownSync(join(root, 'data'), uid, uid);
  const command = ['/nodejs/bin/node', ...nodeFlags, '/app/lockstep.mjs', 'agent', '--data-dir', '/data', ...flags];
  const child = spawn('chroot', [`--userspec=${uid}:${uid}`, root, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      KUBERNETES_SERVICE_HOST: identity.host,
      KUBERNETES_SERVICE_PORT: identity.port,
      NODE_ENV: 'production',
    },
  });
  return watchAgent(child, () => rmSync(root, { recursive: true, force: true }));
}

function librariesOf(binary: string): string[] {
  const listed = execFileSync('ldd', [binary], { encoding: 'utf8' });
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
}

function put(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  cpSync(from, join(root, to));
}

/** Takes every right to write from everything in a folder. */
function lock(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    const { mode } = statSync(path);
    chmodSync(path, mode & 0o555);
  }
  chmodSync(folder, 0o555);
}
