import { LockstepError, messageOf } from '../../errors.ts';
import type { SourceTip } from '../../ports.ts';
import type { Trust } from '../login.ts';
import type { ObjectReader } from '../pack.ts';
import { type AllowedSigner, readAllowedSigners } from './allowed-signers.ts';
import { type PgpKeys, readPgpKeys, signerByPgp } from './open-pgp.ts';
import { commitOfTag, nameOfTag, type SignedObject, signedCommit, signedTag } from './signed-object.ts';
import { fingerprintOf } from './ssh-keys.ts';
import { signerBySsh } from './ssh-signature.ts';

interface Trusted {
  readonly pgp: PgpKeys;
  readonly ssh: readonly AllowedSigner[];
}

/**
 * Makes sure that somebody who is trusted has signed a commit, its tag, or both.
 * @param now wall time in milliseconds
 * @returns who has
 * @throws LockstepError SignatureInvalid, that says why it does not count; CredentialsNotFound for keys that can't be read
 */
export async function verifyTip(reader: ObjectReader, tip: SourceTip, trust: Trust, now: number): Promise<string> {
  const trusted = await readTrusted(trust);
  const signers: string[] = [];
  if (trust.mode !== 'HEAD') signers.push(await verifyTag(reader, tip, trusted, now));
  if (trust.mode !== 'Tag') {
    const commit = commitOf(reader, tip.revision);
    signers.push(await signerOf(`the commit ${tip.revision.slice(0, 12)}`, commit, trusted, now));
  }
  return [...new Set(signers)].join('; ');
}

function commitOf(reader: ObjectReader, revision: string): SignedObject {
  try {
    return signedCommit(reader.read(revision).data);
  } catch (error) {
    throw error instanceof LockstepError ? error : invalid(`the commit ${revision.slice(0, 12)}: ${messageOf(error)}`);
  }
}

async function verifyTag(reader: ObjectReader, tip: SourceTip, trusted: Trusted, now: number): Promise<string> {
  const name = tip.ref?.startsWith('refs/tags/') ? tip.ref.slice('refs/tags/'.length) : undefined;
  if (name === undefined) throw invalid(`${tip.ref ?? tip.revision} is no tag`);
  const { type, data } = reader.read(tip.object);
  if (type !== 'tag') throw invalid(`the tag ${name} is not signed: it is no annotated tag`);
  // Who may move references could put a good tag of something older under another name.
  if (nameOfTag(data) !== name) throw invalid(`the tag ${name} calls itself ${JSON.stringify(nameOfTag(data))}`);
  // What the server says that the tag names is only its word.
  if (commitOfTag(data) !== tip.revision)
    throw invalid(`the tag ${name} does not name the commit ${tip.revision.slice(0, 12)}`);
  return signerOf(`the tag ${name}`, signedTag(data), trusted, now);
}

async function signerOf(what: string, object: SignedObject, trusted: Trusted, now: number): Promise<string> {
  const { payload, signature } = object;
  if (signature === undefined) throw invalid(`${what} is not signed`);
  try {
    if (signature.startsWith('-----BEGIN SSH SIGNATURE-----')) return bySsh(payload, signature, trusted.ssh, now);
    return await signerByPgp(payload, signature, trusted.pgp, new Date(now));
  } catch (error) {
    throw invalid(`the signature of ${what} does not count: ${messageOf(error)}`);
  }
}

function bySsh(payload: Buffer, signature: string, signers: readonly AllowedSigner[], now: number): string {
  const key = signerBySsh(payload, signature);
  const print = fingerprintOf(key);
  const known = signers.filter((signer) => signer.key.blob.equals(key.blob));
  if (known.length === 0) throw new Error(`it is by the key ${print}, which is not trusted`);
  const valid = known.find(
    ({ validAfter, validBefore }) => (validAfter ?? now) <= now && (validBefore ?? Number.POSITIVE_INFINITY) > now,
  );
  if (valid === undefined) throw new Error(`the key ${print} is not trusted at this time`);
  return `${print} ${valid.name}`.trim();
}

function invalid(message: string): LockstepError {
  return new LockstepError('SignatureInvalid', message);
}

async function readTrusted({ keys }: Trust): Promise<Trusted> {
  const pgp: PgpKeys[] = [];
  const ssh: AllowedSigner[] = [];
  for (const { name, text } of keys) {
    try {
      if (text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')) pgp.push(await readPgpKeys(text));
      else ssh.push(...readAllowedSigners(text));
    } catch (error) {
      throw new LockstepError('CredentialsNotFound', `the key ${name} of spec.source.verify: ${messageOf(error)}`);
    }
  }
  return { pgp: pgp.flat(), ssh };
}
