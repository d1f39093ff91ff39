import { describe, expect, it } from 'vitest';
import { unmetDependency } from '../../../sync/dependencies.ts';

/** Deliveries by name: what each depends on, with a `!` before those that are not good. */
function unmet(name: string, all: Readonly<Record<string, readonly string[]>>) {
  const bare = (one: string): string => one.replace('!', '');
  const known = new Map(Object.entries(all).map(([one, others]) => [bare(one), { one, others }]));
  return unmetDependency(name, known.get(name)?.others ?? [], (other) => {
    const found = known.get(other);
    if (found === undefined) return undefined;
    return { dependsOn: found.others, isGood: !found.one.startsWith('!'), stands: 'its state is Verifying' };
  });
}

describe('dependencies', () => {
  it('that are good hold nobody up', () => {
    expect(unmet('shop/web', { 'shop/web': [] })).toBeUndefined();
    expect(
      unmet('shop/web', { 'shop/web': ['shop/db', 'infra/crds'], 'shop/db': [], 'infra/crds': [] }),
    ).toBeUndefined();
  });

  it('are all told that are waited for', () => {
    expect(unmet('shop/web', { 'shop/web': ['!shop/db', 'shop/db', 'shop/gone'], '!shop/db': [] })).toEqual({
      reason: 'DependencyNotReady',
      message:
        'waits for !shop/db: this agent serves no Delivery of that name; shop/db: its state is Verifying; shop/gone: this agent serves no Delivery of that name',
    });
  });

  it('only count one by one: what a good one waits for is its own business', () => {
    expect(unmet('c/c', { 'c/c': ['b/b'], 'b/b': ['a/a'], '!a/a': [] })).toBeUndefined();
  });

  it.each([
    ['a/a', { 'a/a': ['a/a'] }, 'a/a → a/a'],
    ['a/a', { 'a/a': ['b/b'], 'b/b': ['a/a'] }, 'a/a → b/b → a/a'],
    ['b/b', { 'a/a': ['x/x', 'b/b'], 'b/b': ['c/c'], 'c/c': ['a/a'], 'x/x': [] }, 'b/b → c/c → a/a → b/b'],
  ])('in a circle are named, for %s in %j', (name, all, circle) => {
    expect(unmet(name, all as never)).toEqual({
      reason: 'DependencyCycle',
      message: `depends on itself: ${circle}; none of them can go on`,
    });
  });

  it('on a circle wait for it, and are not in it', () => {
    const all = { 'x/x': ['a/a'], '!a/a': ['b/b'], '!b/b': ['a/a'] };
    expect(unmet('x/x', all)?.reason).toBe('DependencyNotReady');
  });
});
