import { describe, expect, it } from 'vitest';
import type { Followed } from '../../../sync/source/follow.ts';
import { matchPush, repositoryKey, type Subscriber } from '../../../webhooks/match.ts';

const main: Followed = { kind: 'ref', name: 'refs/heads/main' };

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
    const subscribers = [{ uid: 'u', name: 'a/b', repository: 'github.com/aaaaaaaa', followed: main }];
    for (const url of [
      '.*',
      'https://github.com/(a+)+$',
      'https://github.com/.*',
      'https://evil.example/github.com/aaaaaaaa',
    ])
      expect(matchPush({ type: 'push', repositories: [url], ref: undefined, paths: undefined }, subscribers)).toBe(
        'no Delivery follows this repository',
      );
  });

  it('two hosts, and two paths, are two repositories', () => {
    expect(repositoryKey('https://git.example.com/a')).not.toBe(repositoryKey('https://git.example.org/a'));
    expect(repositoryKey('https://git.example.com/a/b')).not.toBe(repositoryKey('https://git.example.com/a'));
  });

  it('a tag is news for who follows a range of versions, and nothing is for who follows a commit', () => {
    const of = (uid: string, followed: Followed): Subscriber => ({ uid, name: uid, repository: 'h/r', followed });
    const subscribers = [
      of('range', { kind: 'semver', range: '1.x' }),
      of('tag', { kind: 'ref', name: 'refs/tags/v1' }),
      of('head', { kind: 'ref', name: 'HEAD' }),
      of('commit', { kind: 'commit', oid: 'a'.repeat(40), branch: 'refs/heads/main' }),
    ];
    const match = (ref: string) => {
      const found = matchPush({ type: 'push', repositories: ['git@h:r.git'], ref, paths: undefined }, subscribers);
      return typeof found === 'string' ? found : found.map(({ uid }) => uid);
    };
    expect(match('refs/tags/v1')).toEqual(['range', 'tag']);
    expect(match('refs/tags/v2')).toEqual(['range']);
    expect(match('refs/heads/main')).toEqual(['head']);
  });

  it('a name without refs/heads is a branch, and no reference is all of them', () => {
    const subscribers = [{ uid: 'u', name: 'a/b', repository: 'h/r', followed: main }];
    const match = (ref: string | undefined) =>
      matchPush({ type: 'push', repositories: ['https://h/r'], ref, paths: undefined }, subscribers);
    expect([match('main'), match('refs/heads/main'), match(undefined)]).toEqual([
      subscribers,
      subscribers,
      subscribers,
    ]);
    expect(match('refs/tags/main')).toBe('no Delivery follows refs/tags/main of this repository');
  });
});
