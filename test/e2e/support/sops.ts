import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';

/** The real sops, with a key of age and one of OpenPGP. */
export interface Sops {
  /** The identity of age, and its public half. */
  readonly identity: string;
  readonly recipient: string;
  /** A private key of OpenPGP, where the machine has gpg. */
  pgpKey(): { readonly fingerprint: string; readonly armoured: string };
  /** @param more flags of sops, in place of those that name its key of age */
  encrypt(path: string, text: string | Uint8Array, more?: readonly string[]): string;
  /** What sops itself decrypts it to. */
  decrypt(path: string, sealed: string): string;
  close(): void;
}

export async function openSops(): Promise<Sops> {
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-sops-'));
  const home = join(dir, 'gnupg');
  mkdirSync(home, { mode: 0o700 });
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const env = { PATH: process.env['PATH'] ?? '', HOME: dir, GNUPGHOME: home, SOPS_AGE_KEY: identity };
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { env, cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const sops = (path: string, content: string | Uint8Array, ...args: string[]): string => {
    const file = join(dir, path.replaceAll('/', '-'));
    writeFileSync(file, content);
    return run(process.env['LOCKSTEP_SOPS'] ?? 'sops', ...args, file);
  };
  return {
    identity,
    recipient,
    pgpKey: () => {
      run(
        'gpg',
        '--batch',
        '--quiet',
        '--passphrase',
        '',
        '--quick-generate-key',
        'Ada <ada@example.com>',
        'default',
        'default',
        'never',
      );
      const [, fingerprint = ''] =
        /^fpr:+([0-9A-F]{40}):/m.exec(run('gpg', '--with-colons', '--list-secret-keys')) ?? [];
      return { fingerprint, armoured: run('gpg', '--batch', '--armor', '--export-secret-keys', fingerprint) };
    },
    encrypt: (path, text, more = ['--age', recipient]) => sops(path, text, '--encrypt', ...more),
    decrypt: (path, sealed) => sops(path, sealed, '--decrypt'),
    close: () => {
      try {
        run('gpgconf', '--kill', 'gpg-agent');
      } catch {
        // A machine without gpg has started none.
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
