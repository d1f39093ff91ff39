import { describe, expect, it } from 'vitest';
import type { Subscriber } from '../../../webhooks/match.ts';
import { hookRequest, pushes, receiverWith, senders } from './support.ts';

const secret = 'a-good-secret';
const shop = 'https://git.example.com/shop.git';

/** A signed request of a provider. */
function signed(provider: string, body: object | string, more: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return hookRequest({ ...senders[provider]?.(text, secret), ...more }, text);
}

describe.each(Object.keys(senders))('a push from %s', (provider) => {
  const push = (url: string, ref: string) => signed(provider, pushes[provider]?.(url, ref) ?? {});

  it('asks for a look at the Deliveries that follow the branch, and says which', () => {
    const { receive, synced } = receiverWith();
    expect(receive(provider, push(shop, 'refs/heads/main'))).toEqual({ result: 'accepted', syncs: ['shop/web'] });
    expect(synced).toEqual(['u1']);
  });

  it('to another branch or repository is ignored, with the reason', () => {
    const { receive, synced } = receiverWith();
    expect(receive(provider, push(shop, 'refs/heads/other'))).toMatchObject({
      result: 'ignored',
      reason: 'no Delivery follows refs/heads/other of this repository',
    });
    expect(receive(provider, push('https://git.example.com/none', 'refs/heads/main'))).toMatchObject({
      result: 'ignored',
      reason: 'no Delivery follows this repository',
    });
    expect(synced).toEqual([]);
  });
});

describe('what is no push', () => {
  it.each([
    ['github', { 'x-github-event': 'ping' }, 'ping'],
    ['github', { 'x-github-event': 'issues' }, 'the event issues changes nothing here'],
    ['gitlab', { 'x-gitlab-event': 'Note Hook' }, 'the event Note Hook changes nothing here'],
    ['gitea', { 'x-gitea-event': 'release' }, 'the event release changes nothing here'],
  ])('%s %o is ignored', (provider, headers, reason) => {
    const { receive } = receiverWith();
    expect(receive(provider, signed(provider, { zen: 'x' }, headers as Record<string, string>))).toEqual({
      result: 'ignored',
      reason,
      syncs: [],
    });
  });
});

describe('W10: whatever a sender with the secret says', () => {
  const bodies = [
    'null',
    '[]',
    '"x"',
    '{}',
    '',
    'not json',
    '{"ref":1}',
    '{"ref":null,"repository":{"clone_url":"https://git.example.com/shop"}}',
    '{"repository":null}',
    '{"repository":{"links":{"clone":"boom"}}}',
    '{"repository":{"clone_url":[]}}',
    '{"resource":{"refUpdates":[]}}',
    JSON.stringify({ ref: 'x'.repeat(1_000_000), repository: { clone_url: shop } }),
    JSON.stringify({ ref: 'refs/heads/__proto__', repository: { clone_url: shop } }),
    JSON.stringify({ ref: 'refs/heads/../../x', repository: { clone_url: shop } }),
    '{"__proto__":{"ref":"refs/heads/main"},"constructor":{"prototype":{}},"repository":{"clone_url":"https://git.example.com/shop"}}',
    JSON.stringify({ ref: 'refs/heads/main', repository: { clone_url: 'http://[' } }),
    '['.repeat(100_000),
    JSON.stringify({
      repository: { clone_url: shop },
      ref: 'refs/heads/none',
      commits: Array(20_000).fill({ id: 'x' }),
    }),
  ];
  it.each(Object.keys(senders))('%s never raises', (provider) => {
    const { receive } = receiverWith();
    for (const body of bodies) {
      expect(['accepted', 'ignored', 'malformed']).toContain(receive(provider, signed(provider, body)).result);
    }
    expect(({} as Record<string, unknown>)['ref']).toBeUndefined();
  });

  it('says what is wrong', () => {
    const { receive } = receiverWith();
    const reasons = ['null', '{}', '{"ref":1,"repository":{"clone_url":"https://git.example.com/shop"}}', '{'].map(
      (body) => receive('github', signed('github', body)).reason,
    );
    expect(reasons).toEqual([
      'the body is no JSON object',
      'none of repository.clone_url, repository.ssh_url, repository.html_url names a repository',
      'ref is no name of a reference',
      'the body is no JSON text',
    ]);
  });

  it('bytes that are no UTF-8 are malformed', () => {
    const { receive } = receiverWith({ secrets: () => ['tok-1234'] });
    const request = hookRequest({ 'x-gitlab-token': 'tok-1234' }, Uint8Array.of(0x7b, 0xff, 0x7d));
    expect(receive('gitlab', request)).toMatchObject({ result: 'malformed' });
  });
});

describe('the files that a push lists', () => {
  const commit = { added: ['a'], modified: ['b/c'], removed: ['d'] };
  const listed = (more: object) => {
    const told: (readonly string[] | undefined)[] = [];
    const { receive } = receiverWith({ sync: (_uid, paths) => void told.push(paths) });
    receive('github', signed('github', { ref: 'refs/heads/main', repository: { clone_url: shop }, ...more }));
    return told;
  };

  it('tell which Deliveries come first', () => {
    expect(listed({ commits: [commit, { ...commit, added: ['e'] }] })).toEqual([['a', 'b/c', 'd', 'e', 'b/c', 'd']]);
  });

  it.each<[string, object]>([
    ['no commit', { commits: [] }],
    ['something else', { commits: 'x' }],
    ['less than all commits, as GitLab does', { commits: [commit], total_commits_count: 21 }],
    ['a commit without its files', { commits: [commit, { id: 'x' }] }],
    ['a history that was written anew', { commits: [commit], forced: true }],
    ['names that are too long', { commits: [{ ...commit, added: ['x/'.repeat(40_000)] }] }],
    ['too many', { commits: [{ ...commit, added: Array(1_000).fill('x') }] }],
  ])('tell nothing where it lists %s', (_what, more) => {
    expect(listed(more)).toEqual([undefined]);
  });
});

describe('the same delivery again', () => {
  const body = { ref: 'refs/heads/main', repository: { clone_url: shop } };
  it('W11 is answered and asks for nothing; with another body it is refused', () => {
    const { receive, synced } = receiverWith();
    const id = { 'x-github-delivery': '72d3162e' };
    expect(receive('github', signed('github', body, id)).result).toBe('accepted');
    expect(receive('github', signed('github', body, id))).toMatchObject({ result: 'duplicate', syncs: [] });
    expect(receive('github', signed('github', { ...body, ref: 'refs/heads/next' }, id))).toMatchObject({
      result: 'malformed',
    });
    expect(receive('github', signed('github', body, { 'x-github-delivery': '72d3162f' })).result).toBe('accepted');
    expect(synced).toEqual(['u1', 'u1']);
  });

  it('counts when it was ignored before, since there may be a Delivery for it now', () => {
    const subscribers: Subscriber[] = [];
    const { receive } = receiverWith({ subscribers: () => subscribers });
    const id = { 'x-github-delivery': '72d3' };
    expect(receive('github', signed('github', body, id)).result).toBe('ignored');
    subscribers.push({
      uid: 'u9',
      name: 'shop/new',
      repository: 'git.example.com/shop',
      followed: { kind: 'ref', name: 'refs/heads/main' },
    });
    expect(receive('github', signed('github', body, id))).toMatchObject({ result: 'accepted', syncs: ['shop/new'] });
  });

  it('an id that was never signed for is not remembered', () => {
    const { receive } = receiverWith();
    const id = { 'x-github-delivery': '1' };
    expect(receive('github', hookRequest(id, '{}')).result).toBe('unsigned');
    expect(receive('github', signed('github', body, id)).result).toBe('accepted');
  });
});

describe('who does not know the secret', () => {
  it('is answered shorter after a while, and never stands in the way of who does', () => {
    let now = 0;
    const { receive, logged } = receiverWith({ now: () => now });
    const results = Array.from({ length: 40 }, () => receive('github', hookRequest({}, '{}')).result);
    expect(results.filter((result) => result === 'unsigned')).toHaveLength(30);
    expect(results.slice(30).every((result) => result === 'limited')).toBe(true);
    expect(logged).toHaveLength(30);
    const good = signed('github', { ref: 'refs/heads/main', repository: { clone_url: shop } });
    expect(receive('github', good).result).toBe('accepted');
    now = 60_000;
    expect(receive('github', hookRequest({}, '{}')).result).toBe('unsigned');
  });
});

describe('several secrets', () => {
  it('any of them signs, so that one can be replaced', () => {
    const { receive } = receiverWith({ secrets: () => ['the-new-secret', secret] });
    const good = signed('github', { ref: 'refs/heads/main', repository: { clone_url: shop } });
    expect(receive('github', good).result).toBe('accepted');
  });
});

describe('a form', () => {
  it('GitHub sends its JSON as a field of one unless told otherwise', () => {
    const { receive } = receiverWith();
    const json = JSON.stringify({ ref: 'refs/heads/main', repository: { clone_url: shop } });
    const request = signed('github', `payload=${encodeURIComponent(json)}`, {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(receive('github', request)).toEqual({ result: 'accepted', syncs: ['shop/web'] });
  });
});
