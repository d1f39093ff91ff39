import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { algorithmsOf, isKnownKey, keysOf } from '../../../../sync/source/known-hosts.ts';

const key = (text: string): string => Buffer.from(text).toString('base64');
const salt = Buffer.from('salt-of-twenty-bytes');
const hashed = (name: string): string =>
  `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;

const file = [
  '# a comment',
  `git.example.com,10.0.0.7 ssh-ed25519 ${key('one')} and a comment`,
  `[git.example.com]:2222 ssh-rsa ${key('other port')}`,
  `${hashed('hidden.example.com')} ecdsa-sha2-nistp256 ${key('hidden')}`,
  `*.corp.example.com,!bad.corp.example.com ssh-ed25519 ${key('wild')}`,
  `g?t.example.org ssh-ed25519 ${key('letter')}`,
  `@revoked revoked.example.com ssh-ed25519 ${key('stolen')}`,
  `revoked.example.com ssh-ed25519 ${key('stolen')}`,
  `@cert-authority * ssh-ed25519 ${key('authority')}`,
  'broken',
].join('\r\n');

describe('known_hosts', () => {
  it.each([
    ['git.example.com', 22, ['one']],
    ['10.0.0.7', 22, ['one']],
    ['git.example.com', 2222, ['other port']],
    ['hidden.example.com', 22, ['hidden']],
    ['a.b.corp.example.com', 22, ['wild']],
    ['bad.corp.example.com', 22, []],
    ['corp.example.com', 22, []],
    ['git.example.org', 22, ['letter']],
    ['gitt.example.org', 22, []],
    ['evil.example', 22, []],
  ])('names for %s, port %i, the keys %j', (host, port, keys) => {
    expect(keysOf(file, host, port).keys.map((one) => Buffer.from(one.key, 'base64').toString())).toEqual(keys);
  });

  it('takes no key that is another one, or revoked', () => {
    const known = keysOf(file, 'git.example.com', 22);
    expect(isKnownKey(known, Buffer.from('one'))).toBe(true);
    expect(isKnownKey(known, Buffer.from('two'))).toBe(false);
    expect(isKnownKey(keysOf(file, 'revoked.example.com', 22), Buffer.from('stolen'))).toBe(false);
  });

  it('asks the server for kinds of keys that are known', () => {
    expect(algorithmsOf(keysOf(file, 'git.example.com', 2222).keys)).toEqual(['rsa-sha2-512', 'rsa-sha2-256']);
    expect(algorithmsOf(keysOf(file, 'git.example.com', 22).keys)).toEqual(['ssh-ed25519']);
  });

  it('takes no long time over a pattern that is made to', () => {
    const hosts = `${'*a'.repeat(5_000)}b ssh-ed25519 ${key('x')}`;
    const began = performance.now();
    expect(keysOf(hosts, 'a'.repeat(253), 22).keys).toEqual([]);
    expect(performance.now() - began).toBeLessThan(500);
  });
});
