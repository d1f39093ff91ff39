import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openSealed } from '../../../sync/render/sops/open.ts';
import type { OpenedFile } from '../../../sync/render/sops/port.ts';
import { readSealed } from '../../../sync/render/sops/sealed.ts';
import { broken, campaign, campaignTimeout, inTime, requireUntouched } from './campaign.ts';

/** Files that sops 3.13 has encrypted, and the key of their values. */
const folder = join(import.meta.dirname, '..', '..', 'vectors', 'sops');
const keys: Record<string, string> = JSON.parse(readFileSync(join(folder, 'data-keys.json'), 'utf8'));
const files = Object.entries(keys).map(([path, key]) => {
  const bytes = readFileSync(join(folder, path));
  return { path, bytes, key: Buffer.from(key, 'hex'), secrets: opened(path, bytes, key)?.secrets ?? [] };
});
const words = [
  'ENC[AES256_GCM,',
  ',type:int]',
  ',type:float]',
  ',type:bool]',
  ',type:time]',
  'type:comment]',
  ',iv:',
  ',tag:',
  'sops:',
  '"sops":',
  'sops_mac=',
  'mac: ',
  'lastmodified: ',
  'mac_only_encrypted: true\n',
  '---\n',
  '_unencrypted',
  '__proto__: ',
  '\n',
  '\n    ',
  '""',
  '#',
];

function opened(path: string, bytes: Buffer, key: string): OpenedFile | undefined {
  const sealed = readSealed(path, bytes);
  return sealed === undefined ? undefined : openSealed(sealed, Buffer.from(key, 'hex'));
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error as Error;
  }
}

it('the files are read, and hold secrets', () => {
  for (const { secrets } of files) expect(secrets.join()).toContain('C4NARY');
});

/**
 * A file that was changed is refused without a word of what it holds, is one that nobody takes for encrypted, or holds the very same
 * secrets. Who can write to a repository can change types and what is not encrypted; never what is.
 */
it('a changed file is refused, or holds the same secrets', { timeout: campaignTimeout }, () => {
  const inputs = fc
    .constantFrom(...files)
    .chain((file) => broken([file.bytes], words).map((bytes) => ({ ...file, bytes })));
  return campaign('SOPS', inputs, 2_000, ({ path, bytes, key, secrets }) => {
    const made = attempt(() => inTime(1_000, () => opened(path, bytes, key.toString('hex'))));
    if (made instanceof Error) {
      expect(made.message).not.toMatch(/C4NARY|line one|\bten\b/);
      expect(made.constructor.name).not.toMatch(/TypeError|RangeError|ReferenceError|SyntaxError/);
    } else if (made !== undefined) expect(made.secrets).toEqual(secrets);
    requireUntouched();
  });
});

it.each(['int', 'float', 'bool', 'time', 'bytes'])(
  'a text that is said to be of the type %s tells nothing of it',
  (type) => {
    const file = files.find(({ path }) => path === 'secret.yaml');
    const bytes = Buffer.from((file?.bytes.toString() ?? '').replaceAll('type:str', `type:${type}`));
    const made = attempt(() => opened('secret.yaml', bytes, keys['secret.yaml'] ?? ''));
    if (made instanceof Error)
      expect(made.message).toMatch(/^(its MAC does not fit.*|a value is of another type than it says)$/);
    else expect(made?.secrets).toEqual(file?.secrets);
  },
);
