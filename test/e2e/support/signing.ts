import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Repository } from './git-server.ts';

/** Somebody who signs by a key of their own. */
export interface Signer {
  /** The public key, as people hand it on. */
  readonly publicKey: string;
  /** Makes git in a repository sign by this key. */
  use(repository: Repository): void;
}

/** Somebody whose key may be revoked. */
export interface RevocableSigner extends Signer {
  /** Revokes the key. @returns the public key, which says so */
  revoke(): string;
}

/** A place where keys are made, by gpg and by ssh-keygen. */
export interface Keyring {
  /** @param expired whether the key, made and used long ago, has ended since */
  gpg(type: 'rsa2048' | 'ed25519', expired?: boolean): RevocableSigner;
  ssh(type: 'ed25519' | 'ecdsa' | 'rsa', bits?: number): Signer;
  close(): void;
}

/** Whether the machine has gpg: tests that need it are skipped, by name, where it has not. */
export const hasGpg = spawnSync('gpg', ['--version']).status === 0;

export function openKeyring(): Keyring {
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-keys-'));
  const home = join(dir, 'gnupg');
  mkdirSync(home, { mode: 0o700 });
  let made = 0;
  const gpg = (...args: string[]): string =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const configure = ({ git }: Repository, settings: Record<string, string>): void => {
    for (const [name, value] of Object.entries(settings)) git('config', name, value);
  };
  return {
    gpg: (type, expired = false) => {
      made += 1;
      const user = `Ada ${made} <ada${made}@example.com>`;
      const clock = expired ? ['--faked-system-time', '20200101T000000'] : [];
      gpg(...clock, '--passphrase', '', '--quick-generate-key', user, type, 'sign', expired ? '2d' : 'never');
      const program = join(dir, `gpg-${made}`);
      writeFileSync(program, `#!/bin/sh\nexec gpg --homedir '${home}' ${clock.join(' ')} "$@"\n`);
      chmodSync(program, 0o755);
      return {
        publicKey: gpg('--armor', '--export', user),
        use: (repository) =>
          configure(repository, { 'gpg.format': 'openpgp', 'gpg.program': program, 'user.signingkey': user }),
        revoke: () => {
          const [, id = ''] = /^fpr:*([0-9A-F]{40}):/m.exec(gpg('--with-colons', '--list-keys', user)) ?? [];
          // gpg has made it together with the key, and put a colon before it, so that nobody imports it by mistake.
          const certificate = readFileSync(join(home, 'openpgp-revocs.d', `${id}.rev`), 'utf8');
          writeFileSync(join(dir, 'revocation'), certificate.replace(':-----BEGIN', '-----BEGIN'));
          gpg('--import', join(dir, 'revocation'));
          return gpg('--armor', '--export', user);
        },
      };
    },
    ssh: (type, bits) => {
      made += 1;
      const file = join(dir, `ssh-${made}`);
      const size = bits === undefined ? [] : ['-b', String(bits)];
      execFileSync('ssh-keygen', ['-q', '-t', type, ...size, '-N', '', '-C', `ada${made}@example.com`, '-f', file]);
      return {
        publicKey: readFileSync(`${file}.pub`, 'utf8'),
        use: (repository) => configure(repository, { 'gpg.format': 'ssh', 'user.signingkey': file }),
      };
    },
    close: () => {
      spawnSync('gpgconf', ['--homedir', home, '--kill', 'all']);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
