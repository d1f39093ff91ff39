import { armor, Decrypter } from 'age-encryption';
import type { SopsKeys } from './port.ts';
import type { Sealed } from './sealed.ts';
import { SopsError } from './trouble.ts';

/** What a key of 32 bytes takes, encrypted and packed in any way. */
const mostBytes = 64 * 1024;

/**
 * The key of the values of a file.
 * @returns 32 bytes
 * @throws SopsError that says who could have opened it
 */
export async function dataKeyOf({ age, pgp, others }: Sealed, keys: SopsKeys): Promise<Buffer> {
  const opened = (await openByAge(age, keys.age)) ?? (await openByPgp(pgp, keys.pgp));
  if (opened === undefined) {
    const count = (of: readonly string[], what: string) => (of.length === 0 ? [] : [`${of.length} ${what}`]);
    const whose = [...count(age, 'of age'), ...count(pgp, 'of OpenPGP'), ...others].join(', ') || 'nobody';
    throw new SopsError(`none of the keys that spec.render.decryption names opens it; it is encrypted for: ${whose}`);
  }
  if (opened.length !== 32) throw new SopsError('its key is none of AES-256');
  return opened;
}

async function openByAge(sealed: readonly string[], identities: readonly string[]): Promise<Buffer | undefined> {
  if (identities.length === 0) return undefined;
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  for (const text of sealed) {
    const opened = await decrypter.decrypt(armor.decode(text)).catch(() => undefined);
    if (opened !== undefined) return Buffer.from(opened);
  }
  return undefined;
}

/** Few files are for OpenPGP: the library is loaded where one is. */
async function openByPgp(sealed: readonly string[], armoured: readonly string[]): Promise<Buffer | undefined> {
  if (armoured.length === 0 || sealed.length === 0) return undefined;
  const { decrypt, readMessage, readPrivateKeys } = await import('openpgp');
  const keys = await Promise.all(armoured.map((armoredKeys) => readPrivateKeys({ armoredKeys })));
  const config = { maxDecompressedMessageSize: mostBytes };
  for (const armoredMessage of sealed.filter(({ length }) => length <= mostBytes)) {
    const opened = await readMessage({ armoredMessage, config })
      .then((message) => decrypt({ message, decryptionKeys: keys.flat(), format: 'binary', config }))
      .catch(() => undefined);
    if (opened?.data instanceof Uint8Array) return Buffer.from(opened.data);
  }
  return undefined;
}
