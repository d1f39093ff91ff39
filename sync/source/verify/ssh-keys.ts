import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { readerOfWire, type Wire } from './wire.ts';

/** A public key of SSH. */
export interface SshKey {
  readonly type: string;
  /** As it goes over the wire: two that are equal are the same key. */
  readonly blob: Buffer;
  readonly key: KeyObject;
  /** For keys that stay in a piece of hardware, the application that they were made for. */
  readonly application: string | undefined;
}

const curves: Readonly<Record<string, string>> = { nistp256: 'P-256', nistp384: 'P-384', nistp521: 'P-521' };
const shortestRsa = 2_048;

/**
 * Reads a public key as it goes over the wire (RFC 4253, 5656, 8709, and OpenSSH's PROTOCOL.u2f).
 * @throws Error for kinds that are not known, and for keys that are too weak
 */
export function readSshKey(blob: Buffer): SshKey {
  const wire = readerOfWire(blob);
  const type = wire.text();
  if (type === 'ssh-ed25519') return { type, blob, key: ed25519(wire), application: undefined };
  if (type === 'sk-ssh-ed25519@openssh.com') return { type, blob, key: ed25519(wire), application: wire.text() };
  if (type === 'ssh-rsa') return { type, blob, key: rsa(wire), application: undefined };
  if (type === 'sk-ecdsa-sha2-nistp256@openssh.com') return { type, blob, key: ecdsa(wire), application: wire.text() };
  if (type.startsWith('ecdsa-sha2-')) return { type, blob, key: ecdsa(wire), application: undefined };
  throw new Error(`keys of the kind ${JSON.stringify(type.slice(0, 50))} are not read`);
}

function ed25519(wire: Wire): KeyObject {
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: wire.bytes().toString('base64url') } });
}

function rsa(wire: Wire): KeyObject {
  const [e, n] = [wire.bytes().toString('base64url'), wire.bytes().toString('base64url')];
  const key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', e, n } });
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < shortestRsa) throw new Error(`an RSA key of ${bits} bits is too weak`);
  return key;
}

function ecdsa(wire: Wire): KeyObject {
  const crv = curves[wire.text()];
  const point = wire.bytes();
  const half = (point.length - 1) / 2;
  if (crv === undefined || point[0] !== 4) throw new Error('the curve of the key is not known');
  const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)];
  return createPublicKey({
    format: 'jwk',
    key: { kty: 'EC', crv, x: x.toString('base64url'), y: y.toString('base64url') },
  });
}

/** How ssh-keygen tells a key. */
export function fingerprintOf({ blob }: SshKey): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
