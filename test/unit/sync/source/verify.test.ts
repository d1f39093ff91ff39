import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAllowedSigners } from '../../../../sync/source/verify/allowed-signers.ts';
import { commitOfTag, nameOfTag, signedCommit, signedTag } from '../../../../sync/source/verify/signed-object.ts';
import { signerBySsh } from '../../../../sync/source/verify/ssh-signature.ts';
import { wireString } from '../../../../sync/source/verify/wire.ts';

const payload = Buffer.from('what was signed');
const application = 'ssh:';
const hashed = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest();

/** The public key of a piece of hardware, as it goes over the wire. */
function deviceKey(kind: 'ed25519' | 'ecdsa', key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const bytes = Buffer.from(x, 'base64url');
  const parts =
    kind === 'ed25519'
      ? ['sk-ssh-ed25519@openssh.com', bytes]
      : [
          'sk-ecdsa-sha2-nistp256@openssh.com',
          'nistp256',
          Buffer.concat([Buffer.from([4]), bytes, Buffer.from(y, 'base64url')]),
        ];
  return Buffer.concat([...parts, application].map(wireString));
}

/** A signature as such a piece makes it. No test can touch a real one. */
function bySomeDevice(kind: 'ed25519' | 'ecdsa', flags: number): string {
  const pair = kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const device = Buffer.from([flags, 0, 0, 0, 7]);
  const head = [wireString('git'), wireString(''), wireString('sha512')];
  const digest = createHash('sha512').update(payload).digest();
  const signed = Buffer.concat([Buffer.from('SSHSIG'), ...head, wireString(digest)]);
  const data = Buffer.concat([hashed(application), device, hashed(signed)]);
  const raw =
    kind === 'ed25519'
      ? sign(null, data, pair.privateKey)
      : sign('sha256', data, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  const number = (part: Buffer): Buffer => wireString(Buffer.concat([Buffer.from([0]), part]));
  const inner =
    kind === 'ed25519'
      ? wireString(raw)
      : wireString(Buffer.concat([number(raw.subarray(0, 32)), number(raw.subarray(32))]));
  const type = kind === 'ed25519' ? 'sk-ssh-ed25519@openssh.com' : 'sk-ecdsa-sha2-nistp256@openssh.com';
  const blob = Buffer.concat([
    Buffer.from('SSHSIG'),
    Buffer.from([0, 0, 0, 1]),
    wireString(deviceKey(kind, pair.publicKey)),
    ...head,
    wireString(Buffer.concat([wireString(type), inner, device])),
  ]);
  return armoured(blob);
}

const armoured = (blob: Buffer): string =>
  `-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64')}\n-----END SSH SIGNATURE-----\n`;

describe('a signature of SSH', () => {
  it.each(['ed25519', 'ecdsa'] as const)('by a piece of hardware of %s counts when somebody touched it', (kind) => {
    expect(signerBySsh(payload, bySomeDevice(kind, 1)).application).toBe('ssh:');
    expect(() => signerBySsh(payload, bySomeDevice(kind, 0))).toThrow('nobody touched the key');
    expect(() => signerBySsh(Buffer.from('other'), bySomeDevice(kind, 1))).toThrow('does not fit the content');
  });

  it('that is broken anywhere is refused', () => {
    const good = Buffer.from(bySomeDevice('ed25519', 1).split('\n')[1] ?? '', 'base64');
    fc.assert(
      fc.property(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] ?? 0) ^ by;
        expect(() => signerBySsh(payload, armoured(bad))).toThrow();
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        expect(() => signerBySsh(payload, armoured(Buffer.concat([Buffer.from('SSHSIG\0\0\0\x01'), noise])))).toThrow();
      }),
      { numRuns: 300 },
    );
  });
});

function sizeOf(data: Buffer): number {
  try {
    return signedCommit(data).payload.length;
  } catch {
    return 0;
  }
}

describe('a signed object', () => {
  const commit = (...headers: string[]): Buffer =>
    Buffer.from([...headers, '', 'message', 'gpgsig not me', ''].join('\n'));

  it('is what was signed, without the header of the signature and nothing else', () => {
    const folded = ['gpgsig -----BEGIN PGP SIGNATURE-----', ' ', ' abc', ' -----END PGP SIGNATURE-----'];
    const sha256 = ['gpgsig-sha256 -----BEGIN', ' x'];
    const headers = ['tree 1', 'author a', 'committer a', 'encoding latin1'];
    const { payload: bare, signature } = signedCommit(
      commit(...headers.slice(0, 3), ...folded, ...sha256, ...headers.slice(3)),
    );
    expect(bare.toString()).toBe(commit(...headers).toString());
    expect(signature).toBe('-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n');
    expect(signedCommit(commit(...headers))).toEqual({ payload: commit(...headers), signature: undefined });
  });

  it('is none where something is hidden from the bytes that were signed', () => {
    const head = ['tree 1', 'author a', 'committer a'];
    for (const wrong of [
      ['gpgsig-sha256 x\rtree 2', ...head],
      [...head, 'gpgsig a', 'gpgsig b'],
      ['tree 1', 'gpgsig a', 'author a', 'committer a'],
      [...head, 'gpgsig-sha256 a', 'gpgsig-sha256 b'],
    ])
      expect(() => signedCommit(commit(...wrong))).toThrow('stands where git writes none');
  });

  it('is a tag whose message ends with a signature', () => {
    const id = 'a'.repeat(40);
    const body = `object ${id}\ntype commit\ntag v1\ntagger a\n\nmessage\n`;
    expect(commitOfTag(Buffer.from(body))).toBe(id);
    expect(commitOfTag(Buffer.from(body.replace('type commit', 'type tag')))).toBeUndefined();
    expect(commitOfTag(Buffer.from(`x\n${body}`))).toBeUndefined();
    const signature = '-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n';
    expect(signedTag(Buffer.from(body + signature))).toEqual({ payload: Buffer.from(body), signature });
    expect(signedTag(Buffer.from(body)).signature).toBeUndefined();
    expect(nameOfTag(Buffer.from(body))).toBe('v1');
    expect(nameOfTag(Buffer.from(`object ${id}\n\ntag v2\n`))).toBeUndefined();
  });

  it('of noise is never more than noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        const data = Buffer.from(noise);
        expect(sizeOf(data)).toBeLessThanOrEqual(data.length);
        expect(signedTag(data).payload.length).toBeLessThanOrEqual(data.length);
      }),
    );
  });
});

describe('allowed signers', () => {
  it('take no long time, whatever a line is', () => {
    const began = performance.now();
    for (const text of ['ssh-'.repeat(50_000), ' '.repeat(200_000), `a ${'x,'.repeat(50_000)} ssh-ed25519`])
      expect(() => (text.trim() === '' ? readAllowedSigners('x') : readAllowedSigners(text))).toThrow('line 1');
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
