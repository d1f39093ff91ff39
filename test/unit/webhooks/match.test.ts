import { describe, expect, it } from 'vitest';
import { matchPush, repositoryKey } from '../../../webhooks/match.ts';

describe('a repository is known by', () => {
  it.each([
    'https://git.example.com/Shop/Web.git',
    'https://git.example.com/shop/web',
    'https://git.example.com/shop/web/',
    'https://user:password@git.example.com/shop/web.git',
    'http://GIT.example.com:8080/shop/web.git',
    'https://git.example.com./shop/web',
    'ssh://git@git.example.com:2222/shop/web.git',
    'git@git.example.com:shop/web.git',
    'git.example.com:shop/web',
    ' https://git.example.com/shop/web.git ',
  ])('%s', (url) => {
    expect(repositoryKey(url)).toBe('git.example.com/shop/web');
  });

  it.each(['', 'shop', 'http://[', '/srv/git', '.*', 'https://'])('%s names none', (text) => {
    expect(repositoryKey(text)).toBeUndefined();
  });

  it('W12 an address that looks like a pattern is an address', () => {
    const subscribers = [{ uid: 'u', name: 'a/b', repository: 'github.com/aaaaaaaa', ref: 'refs/heads/main' }];
    for (const url of [
      '.*',
      'https://github.com/(a+)+$',
      'https://github.com/.*',
      'https://evil.example/github.com/aaaaaaaa',
    ])
      expect(matchPush({ type: 'push', repositories: [url], ref: undefined }, subscribers)).toBe(
        'no Delivery follows this repository',
      );
  });

  it('two hosts, and two paths, are two repositories', () => {
    expect(repositoryKey('https://git.example.com/a')).not.toBe(repositoryKey('https://git.example.org/a'));
    expect(repositoryKey('https://git.example.com/a/b')).not.toBe(repositoryKey('https://git.example.com/a'));
  });

  it('a name without refs/heads is a branch, and no reference is all of them', () => {
    const subscribers = [{ uid: 'u', name: 'a/b', repository: 'h/r', ref: 'refs/heads/main' }];
    const match = (ref: string | undefined) =>
      matchPush({ type: 'push', repositories: ['https://h/r'], ref }, subscribers);
    expect([match('main'), match('refs/heads/main'), match(undefined)]).toEqual([
      subscribers,
      subscribers,
      subscribers,
    ]);
    expect(match('refs/tags/main')).toBe('no Delivery follows refs/tags/main of this repository');
  });
});
