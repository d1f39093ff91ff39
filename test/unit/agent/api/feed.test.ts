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
    sink: { write: async (text: string) => texts.push(text) > 0, end },
    isEnded: () => ended,
    states: async () => {
      for (let turn = 0; turn < 50; turn += 1) await soon();
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
    feed.admit({ caller: anybody }).begin(one.sink);
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
    const stream = feed.admit({ caller: anybody });
    stream.begin(first.sink);
    registry.take(delivery('web', 1, 'Synced'));
    await first.states();
    stream.end();
    registry.take(delivery('web', 2, 'Applying'));
    registry.take(delivery('web', 3, 'Held'));
    const back = reader();
    feed.admit({ caller: anybody, after: first.lastId() }).begin(back.sink);
    expect(await back.states()).toEqual(['web Applying', 'web Held']);
    for (let version = 4; version < 2_000; version += 1) registry.take(delivery('web', version, `S${version}`));
    for (const after of [first.lastId(), 'other-1', 'x', '']) {
      const late = reader();
      feed.admit({ caller: anybody, after }).begin(late.sink);
      expect(await late.states()).toEqual(['web S1999']);
    }
    feed.close();
  });

  it('tells only what concerns a reader, and what they may see', async () => {
    const registry = createRegistry();
    const feed = createFeed(registry);
    const [some, none, other] = [reader(), reader(), reader()];
    feed.admit({ caller: anybody, namespace: 'shop', name: 'web' }).begin(some.sink);
    feed.admit({ caller: { ...anybody, may: async ({ name }) => name === 'db' } }).begin(none.sink);
    feed.admit({ caller: anybody, namespace: 'blog' }).begin(other.sink);
    registry.take(delivery('web', 1, 'Synced'));
    registry.take(delivery('db', 2, 'Synced'));
    registry.remove('web');
    expect(await some.states()).toEqual(['web Synced', 'web Synced']);
    expect(await none.states()).toEqual(['db Synced']);
    expect(await other.states()).toEqual([]);
    feed.close();
  });

  it('tells a slow reader the newest of each Delivery, and names what was seen only once all was', async () => {
    const registry = createRegistry();
    for (const name of ['a', 'b', 'c']) registry.take(delivery(name, 1, 'Synced'));
    const feed = createFeed(registry);
    const texts: string[] = [];
    let isOpen = Promise.withResolvers<boolean>();
    const sink = {
      write: (text: string) => {
        texts.push(text);
        return isOpen.promise;
      },
      end: () => undefined,
    };
    feed.admit({ caller: anybody }).begin(sink);
    await soon();
    registry.take(delivery('b', 2, 'Applying'));
    registry.take(delivery('b', 3, 'Held'));
    isOpen.resolve(true);
    for (let turn = 0; turn < 50; turn += 1) await soon();
    expect(
      texts.map(
        (text) => `${/name":"(\w)/.exec(text)?.[1]} ${/state":"(\w+)/.exec(text)?.[1]} ${text.startsWith('id: ')}`,
      ),
    ).toEqual(['a Synced false', 'c Synced true', 'b Held true']);
    isOpen = Promise.withResolvers<boolean>();
    feed.close();
  });

  it('ends the stream of a reader whose rights can not be asked for, so that nothing is left out', async () => {
    const registry = createRegistry();
    const feed = createFeed(registry);
    const one = reader();
    let isDown = false;
    const may = async (): Promise<boolean> => {
      if (isDown) throw new Error('the API server is away');
      return true;
    };
    feed.admit({ caller: { ...anybody, may } }).begin(one.sink);
    registry.take(delivery('web', 1, 'Synced'));
    await one.states();
    isDown = true;
    registry.take(delivery('web', 2, 'Held'));
    expect(await one.states()).toEqual(['web Synced']);
    expect(one.isEnded()).toBe(true);
    isDown = false;
    const back = reader();
    feed.admit({ caller: anybody, after: one.lastId() }).begin(back.sink);
    expect(await back.states()).toEqual(['web Held']);
    feed.close();
  });

  it('has no more readers than it can serve', () => {
    const feed = createFeed(createRegistry());
    const closers = Array.from({ length: 100 }, (_, n) => feed.admit({ caller: { ...anybody, name: `p${n}` } }));
    expect(() => feed.admit({ caller: anybody })).toThrow('100 streams are open already');
    closers[0]?.end();
    closers[1]?.end();
    expect(() => feed.admit({ caller: anybody })).not.toThrow();
    feed.close();
  });

  it('leaves places to others: one caller has at most 20 streams', () => {
    const feed = createFeed(createRegistry());
    for (let n = 0; n < 20; n += 1) feed.admit({ caller: anybody });
    expect(() => feed.admit({ caller: anybody })).toThrow('a has 20 streams open already');
    expect(() => feed.admit({ caller: { ...anybody, name: 'b' } })).not.toThrow();
    feed.close();
  });
});
