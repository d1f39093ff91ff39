import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { until } from './kube.ts';
import { ended, freePort } from './process.ts';

/** A real sshd, which lets one user in by key. */
export interface SshServer {
  readonly port: number;
  readonly user: string;
  /** A line of known_hosts. */
  readonly knownHosts: string;
  /** Makes a key pair that is let in; answers the private one. @param command what is run instead of what is asked for */
  key(type: 'ed25519' | 'ecdsa' | 'rsa', passphrase?: string, command?: string): string;
  /** Makes a key pair that is not let in. */
  strangersKey(): string;
  /** Ends every login that is open, without a word. */
  drop(): void;
  /** What the server has logged. */
  log(): string;
  close(): Promise<void>;
}

const sshd = '/usr/sbin/sshd';
/** Whether the machine has one: tests that need it are skipped, by name, where it has not. */
export const hasSshd = spawnSync(sshd, ['-V']).error === undefined;

/** @param isOld it does not let protocol v2 through */
export async function startSshServer({ isOld = false } = {}): Promise<SshServer> {
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-sshd-'));
  const port = await freePort();
  const makeKey = (name: string, type: string, passphrase = ''): string => {
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', name, '-f', join(dir, name)]);
    return readFileSync(join(dir, name), 'utf8');
  };
  makeKey('host', 'ed25519');
  makeKey('host-ecdsa', 'ecdsa');
  const authorized = join(dir, 'authorized');
  writeFileSync(authorized, '');
  writeFileSync(join(dir, 'log'), '');
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${dir}/host-ecdsa`,
    `HostKey ${dir}/host`,
    `AuthorizedKeysFile ${authorized}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    `PidFile ${dir}/pid`,
    ...(isOld ? [] : ['AcceptEnv GIT_PROTOCOL']),
  ];
  writeFileSync(join(dir, 'config'), `${config.join('\n')}\n`);
  // Debian's sshd looks for it, though it needs it for nothing here.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true });
  const child = spawn(sshd, ['-D', '-f', join(dir, 'config'), '-E', join(dir, 'log')], { stdio: 'ignore' });
  const log = (): string => readFileSync(join(dir, 'log'), 'utf8');
  await until('sshd listens', async () => log().includes('Server listening'));
  const [type = '', key = ''] = readFileSync(join(dir, 'host.pub'), 'utf8').split(' ');
  let keys = 0;
  return {
    port,
    user: userInfo().username,
    knownHosts: `[127.0.0.1]:${port} ${type} ${key}\n`,
    key: (of, passphrase, command) => {
      keys += 1;
      const made = makeKey(`user-${keys}`, of, passphrase);
      const forced = command === undefined ? '' : `command="${command}" `;
      writeFileSync(authorized, `${forced}${readFileSync(join(dir, `user-${keys}.pub`), 'utf8')}`, { flag: 'a' });
      return made;
    },
    strangersKey: () => {
      keys += 1;
      return makeKey(`user-${keys}`, 'ed25519');
    },
    drop: () => {
      const sessions = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
      for (const pid of sessions) process.kill(Number(pid), 'SIGKILL');
    },
    log,
    close: async () => {
      await ended(child, 'SIGTERM');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
