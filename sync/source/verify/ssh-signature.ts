import { createHash, verify } from 'node:crypto';
import { readSshKey, type SshKey } from './ssh-keys.ts';
import { readerOfWire, wireString } from './wire.ts';

/** A signature of SSH, taken apart. */
interface SshSignature {
  readonly key: SshKey;
  readonly namespace: string;
  readonly reserved: Buffer;
  readonly hash: string;
  readonly algorithm: string;
  readonly signature: Buffer;
  /** Of a piece of hardware: whether somebody touched it, and how often it has signed. */
  readonly device: Buffer;
}

const magic = 'SSHSIG';

/**
 * Reads an armoured signature (OpenSSH's PROTOCOL.sshsig).
 * @throws Error
 */
function readSshSignature(armoured: string): SshSignature {
  const [, body = ''] =
    /^-----BEGIN SSH SIGNATURE-----([A-Za-z0-9+/=\s]+)-----END SSH SIGNATURE-----\s*$/.exec(armoured) ?? [];
  const wire = readerOfWire(Buffer.from(body, 'base64'));
  if (wire.take(magic.length).toString('latin1') !== magic || wire.number() !== 1)
    throw new Error('it is no signature of SSH');
  const key = readSshKey(wire.bytes());
  const [namespace, reserved, hash] = [wire.text(), wire.bytes(), wire.text()];
  const inner = readerOfWire(wire.bytes());
  const [algorithm, signature] = [inner.text(), inner.bytes()];
  const device = key.application === undefined ? Buffer.alloc(0) : inner.take(5);
  return { key, namespace, reserved, hash, algorithm, signature, device };
}

/**
 * Who has signed, whoever that is: whether they may is for others to say.
 * @throws Error when the signature does not fit
 */
export function signerBySsh(payload: Buffer, armoured: string): SshKey {
  const given = readSshSignature(armoured);
  const { key, namespace, reserved, hash } = given;
  // A signature for something else, such as a login, is none for Git.
  if (namespace !== 'git') throw new Error('it was not made for git');
  if (hash !== 'sha256' && hash !== 'sha512') throw new Error('its hash is not known');
  const digest = createHash(hash).update(payload).digest();
  const signed = Buffer.concat([
    Buffer.from(magic),
    wireString(namespace),
    wireString(reserved),
    wireString(hash),
    wireString(digest),
  ]);
  if (!isSigned(given, signed)) throw new Error('it does not fit the content');
  return key;
}

const rsaHashes: Readonly<Record<string, string>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };
const curveHashes: Readonly<Record<string, string>> = {
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
};

function isSigned(given: SshSignature, signed: Buffer): boolean {
  const { key, algorithm, signature } = given;
  if (key.type === 'ssh-rsa') {
    const hash = rsaHashes[algorithm];
    return hash !== undefined && verify(hash, signed, key.key, signature);
  }
  if (algorithm !== key.type) return false;
  const data = key.application === undefined ? signed : byDevice(given, key.application, signed);
  if (key.type.endsWith('ed25519') || key.type.startsWith('sk-ssh-ed25519'))
    return verify(null, data, key.key, signature);
  const hash = curveHashes[key.type] ?? 'sha256';
  return verify(hash, data, { key: key.key, dsaEncoding: 'ieee-p1363' }, pointOf(signature, key));
}

/** What a piece of hardware signs instead, once somebody has touched it. */
function byDevice({ device }: SshSignature, application: string, signed: Buffer): Buffer {
  if (((device[0] ?? 0) & 1) === 0) throw new Error('nobody touched the key');
  const hashed = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest();
  return Buffer.concat([hashed(application), device, hashed(signed)]);
}

/** Two numbers, each as long as the curve is. */
function pointOf(signature: Buffer, { key }: SshKey): Buffer {
  const wire = readerOfWire(signature);
  const size = { prime256v1: 32, secp384r1: 48, secp521r1: 66 }[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 32;
  const fixed = (number: Buffer): Buffer => {
    const bare = number.subarray(Math.max(0, number.length - size));
    return Buffer.concat([Buffer.alloc(size - bare.length), bare]);
  };
  return Buffer.concat([fixed(wire.bytes()), fixed(wire.bytes())]);
}
