import { describe, expect, it } from 'vitest';
import { providers } from '../../../webhooks/providers/all.ts';
import { hmac, hookRequest, receiverWith, senders } from './support.ts';

const isGenuine = (
  provider: string,
  headers: Record<string, string>,
  body: string | Uint8Array,
  secret: string,
  now = 0,
) => providers.get(provider)?.isGenuine(hookRequest(headers, body), secret, now);

describe('published vectors', () => {
  it.each([
    [
      'github',
      "It's a Secret to Everybody",
      'Hello, World!',
      'x-hub-signature-256',
      'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    ],
    [
      'github',
      'mysecret',
      '{"foo":"bar"}',
      'x-hub-signature-256',
      'sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3',
    ],
    ['gitea', 'secret', '{}', 'x-gitea-signature', '77325902caca812dc259733aacd046b73817372c777b8d95b402647474516e13'],
    [
      'generic',
      'Jefe',
      'what do ya want for nothing?',
      'x-signature',
      'sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    ['gitlab', 'tok-1', '{}', 'x-gitlab-token', 'tok-1'],
  ])('%s: the secret %s signs %s', (provider, secret, body, header, value) => {
    expect(isGenuine(provider, { [header]: value }, body, secret)).toBe(true);
    expect(isGenuine(provider, { [header]: value }, `${body} `, secret)).toBe(provider === 'gitlab');
  });

  it('generic: SHA-512 signs too (RFC 4231, case 2), SHA-1 does not', () => {
    const body = 'what do ya want for nothing?';
    const value =
      'sha512=164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737';
    expect(isGenuine('generic', { 'x-signature': value }, body, 'Jefe')).toBe(true);
    expect(isGenuine('generic', { 'x-signature': `sha1=${hmac('Jefe', body, 'sha1')}` }, body, 'Jefe')).toBe(false);
  });

  it('gitlab: a blank more, a letter less, and nothing at all are no token', () => {
    for (const token of ['tok-1 ', 'tok-', ''])
      expect(isGenuine('gitlab', { 'x-gitlab-token': token }, '{}', 'tok-1')).toBe(false);
  });

  describe('gitlab: signed webhooks', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const body = '{"test": 2432232314}';
    const headers = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    };
    const at = 1_614_265_330;
    it('the published vector, alone and beside another signature', () => {
      expect(isGenuine('gitlab', headers, body, secret, at)).toBe(true);
      const several = { ...headers, 'webhook-signature': `v1,AAAA ${headers['webhook-signature']}` };
      expect(isGenuine('gitlab', several, body, secret, at)).toBe(true);
    });
    it('W11: within five minutes of our time, and no longer', () => {
      expect([-301, -300, 300, 301].map((off) => isGenuine('gitlab', headers, body, secret, at + off))).toEqual([
        false,
        true,
        true,
        false,
      ]);
    });
    it('no other id, time, body, version, or token in its place', () => {
      expect(isGenuine('gitlab', { ...headers, 'webhook-id': 'msg_x' }, body, secret, at)).toBe(false);
      expect(isGenuine('gitlab', { ...headers, 'webhook-timestamp': '1614265331' }, body, secret, at)).toBe(false);
      expect(isGenuine('gitlab', { ...headers, 'webhook-timestamp': '1e9' }, body, secret, at)).toBe(false);
      expect(
        isGenuine(
          'gitlab',
          { ...headers, 'webhook-signature': headers['webhook-signature'].replace('v1', 'v2') },
          body,
          secret,
          at,
        ),
      ).toBe(false);
      expect(isGenuine('gitlab', headers, `${body}\n`, secret, at)).toBe(false);
      expect(isGenuine('gitlab', { 'x-gitlab-token': secret }, body, secret, at)).toBe(false);
    });
  });
});

/** The header that carries the signature, and what stands before the hex. */
const signed: Readonly<Record<string, readonly [header: string, prefix: string]>> = {
  github: ['x-hub-signature-256', 'sha256='],
  gitea: ['x-gitea-signature', ''],
  generic: ['x-signature', 'sha256='],
};
const body = '{"ref":"refs/heads/main","repository":"https://git.example.com/shop"}';
const secret = 'a-good-secret';

describe.each(Object.entries(signed))('%s refuses', (provider, [header, prefix]) => {
  const right = hmac(secret, body);
  const flipped = `${right.slice(0, -1)}${right.endsWith('0') ? '1' : '0'}`;
  it.each<[string, Record<string, string>, string?]>([
    ['W1 no header', {}],
    ['W2 an empty header', { [header]: '' }],
    ['W3 a prefix alone', { [header]: 'sha256=' }],
    ['W4 the hex with the wrong prefix', { [header]: prefix === '' ? `sha256=${right}` : right }],
    ['W5 the last digit changed', { [header]: prefix + flipped }],
    ['W6 the first half', { [header]: prefix + right.slice(0, 32) }],
    ['W7 the hex of another secret', { [header]: prefix + hmac('another-secret', body) }],
    ['upper case', { [header]: prefix + right.toUpperCase() }],
    ['64 letters that are no hex', { [header]: prefix + 'z'.repeat(64) }],
    ['63 digits', { [header]: prefix + right.slice(1) }],
    ['a blank at the end', { [header]: `${prefix}${right} ` }],
    ['a newline at the end', { [header]: `${prefix}${right}\n` }],
    ['SHA-1 of the right body', { [header]: `sha1=${hmac(secret, body, 'sha1')}` }],
    ['a NUL', { [header]: `${prefix}${right}\0` }],
    ['the header twice, joined', { [header]: `${prefix}${right}, ${prefix}${right}` }],
    ['the signature of the body and a newline', { [header]: prefix + hmac(secret, `${body}\n`) }],
    ['the same JSON with other spaces', { [header]: prefix + right }, JSON.stringify(JSON.parse(body), null, 1)],
    ['the old header of GitHub', { 'x-hub-signature': `sha1=${hmac(secret, body, 'sha1')}` }],
  ])('%s', (_what, headers, sent = body) => {
    const { receive, synced, logged } = receiverWith();
    expect(receive(provider, hookRequest(headers, sent))).toMatchObject({ result: 'unsigned', syncs: [] });
    expect(synced).toEqual([]);
    expect(logged).toHaveLength(1);
    expect(JSON.stringify(logged)).not.toContain('refs/heads/main');
  });
});

describe('whatever the header', () => {
  it('a thousand random ones never raise and never pass', () => {
    const { receive } = receiverWith();
    let state = 42;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state % below;
    };
    const text = (): string => Array.from({ length: random(100) }, () => String.fromCharCode(random(300))).join('');
    for (let round = 0; round < 1_000; round += 1) {
      for (const [provider, [header]] of Object.entries(signed)) {
        const { result } = receive(provider, hookRequest({ [header]: `sha256=${text()}` }, body));
        expect(['unsigned', 'limited']).toContain(result);
      }
    }
  });

  it('W8 without a secret there is no receiver, and nothing tells it from one that never was', () => {
    const { receive } = receiverWith({ secrets: () => [] });
    const request = hookRequest(senders['github']?.(body, secret) ?? {}, body);
    expect(receive('github', request)).toEqual(receive('no-such-host', request));
    expect(receive('github', request)).toMatchObject({ result: 'unknown' });
  });
});
