import { Value } from '@sinclair/typebox/value';
import { describe, expect, it } from 'vitest';
import { deliverySpec } from '../../../../sync/delivery/schema.ts';
import { isValidRefName, normalizePath, parseSourceUrl, serverOf } from '../../../../sync/source/url.ts';

describe('a source', () => {
  // G1 and G11 of the vectors: nothing but four ways of writing three schemes, and no password.
  it.each([
    'ext::sh -c touch% /tmp/pwn',
    '--upload-pack=/bin/sh',
    '-oProxyCommand=x',
    'file:///etc',
    '/srv/repo',
    'ssh://-oX/y',
    'ssh://-oProxyCommand=x@host/y',
    'ssh://git@-host/y',
    'git@-oProxyCommand=x:y',
    '-x@host:y',
    'ssh://git:secret@host/y',
    'ssh://git@host',
    'ssh://git@host/',
    'ssh://git@host/%00',
    'ssh://git@host/a%0Ab',
    'ssh://git@host/%zz',
    'git://h/r',
    'gopher://x',
    'javascript:alert(1)',
    'https://user:pass@host/r',
    'https://good@evil/r',
    'https://good%2f@evil/r',
    'https://',
    'http://[::1/r',
    '',
  ])('refuses the URL %j', (url) => {
    expect(() => parseSourceUrl(url)).toThrow(/spec\.source\.url/);
  });

  it('never tells a password that stands in a URL', () => {
    expect(() => parseSourceUrl('https://ada:C4NARY-7f3a@host/r')).toThrow(/^(?!.*C4NARY)/);
    expect(() => parseSourceUrl('ssh://git:C4NARY-7f3a@host/r')).toThrow(/^(?!.*C4NARY)/);
  });

  it.each([
    ['https://Good.Example./r', 'good.example', 443, '/r'],
    ['https://good.example:8443/r.git', 'good.example', 8443, '/r.git'],
    ['http://2852039166/', '169.254.169.254', 80, '/'],
    ['http://0x7f.1/', '127.0.0.1', 80, '/'],
    ['http://127.1/', '127.0.0.1', 80, '/'],
    ['http://[::ffff:169.254.169.254]/', '::ffff:a9fe:a9fe', 80, '/'],
    ['ssh://git@Host.Example:2222/team/app.git', 'host.example', 2222, '/team/app.git'],
    ['ssh://host/~ada/app', 'host', 22, '~ada/app'],
    ['git@GitHub.com:team/app.git', 'github.com', 22, 'team/app.git'],
    ['git@[::1]:/srv/app.git', '::1', 22, '/srv/app.git'],
    ["git@host:it's", 'host', 22, "it's"],
  ])('reads the URL %s as the host %s, port %i, path %s', (url, hostname, port, path) => {
    expect(parseSourceUrl(url)).toMatchObject({ hostname, port, path });
  });

  it('is the same server by all of its names', () => {
    const servers = ['git@host:a', 'ssh://git@HOST:22/b', 'ssh://host./c'].map((url) => serverOf(parseSourceUrl(url)));
    expect(new Set(servers)).toEqual(new Set(['ssh://host:22']));
    const secure = ['https://Good.Example./r', 'https://good.example:443/x', 'https://good.example/y.git'];
    expect(new Set(secure.map((url) => serverOf(parseSourceUrl(url)))).size).toBe(1);
    expect(parseSourceUrl('git@host:team/app.git').href).toBe('ssh://git@host/team/app.git');
  });

  it('is admitted by the schema just where it can be read', () => {
    const spec = (url: string) => ({ source: { url } });
    const good = ['https://host/r', 'http://host:80/r', 'ssh://git@host:22/r', 'git@host:r', 'ssh://host/r'];
    const bad = ['git://h/r', 'file:///etc', 'ext::sh', 'ssh://-oX/y', 'https://a:b@h/r', '-x@h:y', '/srv', 'a b'];
    for (const url of good) expect([url, Value.Check(deliverySpec, spec(url))]).toEqual([url, true]);
    for (const url of bad) expect([url, Value.Check(deliverySpec, spec(url))]).toEqual([url, false]);
  });

  it.each(['../other', '/etc', 'a/../../b', 'a\\b'])('refuses the path %j', (path) => {
    expect(() => normalizePath(path)).toThrow(/must stay inside/);
  });

  it.each([
    ['', ''],
    ['./', ''],
    ['./a//b/', 'a/b'],
  ])('reads the path %j as %j', (path, expected) => {
    expect(normalizePath(path)).toBe(expected);
  });

  it.each(['main', 'feature/x', 'v1.2', '__proto__'])('takes the branch %s', (name) => {
    expect(isValidRefName(name)).toBe(true);
  });

  it.each(['--help', '..', 'a/../../b', '@{u}', 'x.lock', 'a b', '/a', 'a/', 'a//b', '.a', 'a\0b', 'x'.repeat(4096)])(
    'refuses the branch %j',
    (name) => {
      expect(isValidRefName(name)).toBe(false);
    },
  );
});
