import { describe, expect, it } from 'vitest';
import { isValidRefName, normalizePath, parseSourceUrl } from '../../../../sync/source/url.ts';

describe('a source', () => {
  it.each([
    'ext::sh -c touch% /tmp/pwn',
    '--upload-pack=/bin/sh',
    'file:///etc',
    '/srv/repo',
    'ssh://-oX/y',
    'git://h/r',
    'gopher://x',
    'https://user:pass@host/r',
    'https://good@evil/r',
    '',
  ])('refuses the URL %j', (url) => {
    expect(() => parseSourceUrl(url)).toThrow(/spec\.source\.url/);
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
