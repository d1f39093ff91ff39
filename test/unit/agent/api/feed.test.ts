import { setImmediate as soon } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../../agent/api/callers.ts';
import { createFeed } from '../../../../agent/api/feed.ts';
import { createRegistry } from '../../../../agent/registry.ts';
import type { KubeObject } from '../../../../sync/types.ts';

const anybody: Caller = { name: 'a', isKnown: true, may: async () => true };

function delivery(name: string, version: number, state: string): KubeObject {
  return {
    apiVersion: 'lockstep.dev/v1alpha1',
    kind: 'Delivery',
    metadata: { name, namespace: 'shop', uid: name, resourceVersion: String(version) },
    spec: {},
    status: { state },
  };
}

/** A reader that keeps what it is told. */
function reader() {
  const texts: string[] = [];
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  return {
    sink: { write: (text: string) => texts.push(text) > 0, end },
    isEnded: () => ended,
    states: async () => {
      for (let turn = 0; turn < 20; turn += 1) await soon();
      return texts.map((text) => `${/name":"(\w+)/.exec(text)?.[1]} ${/state":"(\w+)/.exec(text)?.[1]}`);
    },
    lastId: () => /^id: (.*)$/m.exec(texts.at(-1) ?? '')?.[1],
  };
}

describe('the feed', () => {
  it('begins with how everything is, then tells each change once', async () => {
    const registry = createRegistry();
    registry.take(delivery('web', 1, 'Synced'));
    const feed = createFeed(registry);
    const one = reader();
    feed.open(one.sink, { caller: anybody });
    registry.take(delivery('web', 2, 'Applying'));
    registry.take(delivery('web', 3, 'Applying'));
    registry.take(delivery('web', 2, 'Synced'));
    expect(await one.states()).toEqual(['web Synced', 'web Applying']);
    feed.close();
    expect(one.isEnded()).toBe(true);
  });

  it('goes on after the event that a reader names, as long as it is remembered', async () => {
    const registry = createRegistry();
    const feed = createFeed(registry);
    const first = reader();
    const close = feed.open(first.sink, { caller: anybody });
    registry.take(delivery('web', 1, 'Synced'));
    await first.states();
    close();
    registry.take(delivery('web', 2, 'Applying'));
    registry.take(delivery('web', 3, 'Held'));
    const back = reader();
    feed.open(back.sink, { caller: anybody, after: first.lastId() });
    expect(await back.states()).toEqual(['web Applying', 'web Held']);
    for (let version = 4; version < 2_000; version += 1) registry.take(delivery('web', version, `S${version}`));
    for (const after of [first.lastId(), 'other-1', 'x', '']) {
      const late = reader();
      feed.open(late.sink, { caller: anybody, after });
      expect(await late.states()).toEqual(['web S1999']);
    }
    feed.close();
  });

  it('tells only what concerns a reader, and what they may see', async () => {
    const registry = createRegistry();
    const feed = createFeed(registry);
    const [some, none, other] = [reader(), reader(), reader()];
    feed.open(some.sink, { caller: anybody, namespace: 'shop', name: 'web' });
    feed.open(none.sink, { caller: { ...anybody, may: async ({ name }) => name === 'db' } });
    feed.open(other.sink, { caller: anybody, namespace: 'blog' });
    registry.take(delivery('web', 1, 'Synced'));
    registry.take(delivery('db', 2, 'Synced'));
    registry.remove('web');
    expect(await some.states()).toEqual(['web Synced', 'web Synced']);
    expect(await none.states()).toEqual(['db Synced']);
    expect(await other.states()).toEqual([]);
    feed.close();
  });

  it('has no more readers than it can serve', () => {
    const feed = createFeed(createRegistry());
    const closers = Array.from({ length: 100 }, () => feed.open(reader().sink, { caller: anybody }));
    expect(() => feed.open(reader().sink, { caller: anybody })).toThrow('100 streams are open already');
    closers[0]?.();
    expect(() => feed.open(reader().sink, { caller: anybody })).not.toThrow();
    feed.close();
  });
});
