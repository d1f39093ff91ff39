import type { PublicKey } from 'openpgp';

/** Whose signatures by OpenPGP count. */
export type PgpKeys = readonly PublicKey[];

/** Most repositories are not verified: the library is loaded where one is. */
const load = () => import('openpgp');

/**
 * Reads armoured public keys, one or several.
 * @throws Error
 */
export async function readPgpKeys(armoured: string): Promise<PgpKeys> {
  const { readKeys } = await load();
  const blocks =
    armoured.match(/-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g) ?? [];
  const keys = await Promise.all(blocks.map((armoredKeys) => readKeys({ armoredKeys })));
  return keys.flat();
}

/**
 * Who has signed, of those who may.
 * @param now a key that has ended by then is refused, whenever it has signed
 * @throws Error that says why nobody has
 */
export async function signerByPgp(payload: Buffer, armoured: string, keys: PgpKeys, now: Date): Promise<string> {
  const { createMessage, readSignature, verify } = await load();
  const signature = await readSignature({ armoredSignature: armoured });
  const ids = signature.getSigningKeyIDs().map((id) => id.toHex());
  const known = keys.filter((key) => key.getKeyIDs().some((id) => ids.includes(id.toHex())));
  const [key] = known;
  if (key === undefined) throw new Error(`it is by the key ${ids.join(', ').toUpperCase()}, which is not trusted`);
  await requireValid(key, now);
  // A key below it may have ended by itself, and a signature may say that it is older than that.
  const [id] = signature.getSigningKeyIDs();
  await key.getSigningKey(id, now).catch(() => {
    throw new Error(`the key ${id?.toHex().toUpperCase()} is valid no more`);
  });
  const message = await createMessage({ binary: new Uint8Array(payload) });
  const { signatures } = await verify({ message, signature, verificationKeys: [key], date: now, format: 'binary' });
  const [first] = signatures;
  if (first === undefined || signatures.length !== 1) throw new Error('it holds no single signature');
  await first.verified.catch((error: unknown) => {
    throw new Error(error instanceof Error ? error.message : 'it does not fit the content');
  });
  return `${key.getFingerprint().toUpperCase()} ${key.getUserIDs()[0] ?? ''}`.trim();
}

async function requireValid(key: PublicKey, now: Date): Promise<void> {
  const id = key.getFingerprint().toUpperCase();
  const ends = await key.getExpirationTime();
  if (ends instanceof Date && ends <= now) throw new Error(`the key ${id} has expired on ${ends.toISOString()}`);
  if (await key.isRevoked()) throw new Error(`the key ${id} is revoked`);
}
