import { describe, expect, it } from 'vitest';
import { createWatcher } from '../../../health/watcher.ts';
import type { WatchEvent, Watches } from '../../../sync/ports.ts';
import type { Entry } from '../../../sync/release/record.ts';

const entry = (name: string): Entry => ({
  key: `/ConfigMap/shop/${name}`,
  ref: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name },
  wave: 0,
  step: 0,
  manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' } },
  hash: 'h',
  removed: false,
  applied: undefined,
});

function start() {
  const tellers: ((event: WatchEvent) => void)[] = [];
  const watches: Watches = {
    open: (_target, onEvent) => {
      tellers.push(onEvent);
      return () => undefined;
    },
  };
  const woken: string[] = [];
  const context = () => ({ now: 0, bindingMode: () => undefined });
  const watcher = createWatcher(watches, context, (uid) => woken.push(uid));
  const follow = (uid: string, name: string) => watcher.follow(uid, 'shop', new Map([[entry(name).key, entry(name)]]));
  return { watcher, woken, follow, tell: (event: WatchEvent) => tellers.at(-1)?.(event), opened: () => tellers.length };
}

const forbidden: WatchEvent = { type: 'failed', error: new Error('cannot watch') };
const nothing: WatchEvent = { type: 'synced', present: new Set() };

describe('the watcher', () => {
  it('forgets what leaves the list that it was given, also when that is the same list', () => {
    const { watcher, tell } = start();
    const made = (name: string): Entry => ({
      ...entry(name),
      applied: { uid: `uid-${name}`, hash: 'h', owned: 'o', sequence: 1 },
    });
    const entries = new Map([made('a'), made('b')].map((one) => [one.key, one]));
    watcher.follow('one', 'shop', entries);
    tell(nothing);
    expect(watcher.suspects('one')).toHaveLength(2);
    entries.delete(entry('a').key);
    watcher.follow('one', 'shop', entries);
    expect(watcher.suspects('one')).toEqual([entry('b').key]);
    const changed = { ...made('b'), hash: 'h2', manifest: { ...entry('b').manifest, data: { v: '2' } } };
    entries.set(changed.key, changed);
    watcher.follow('one', 'shop', entries);
    entries.clear();
    watcher.follow('one', 'shop', entries);
    expect(watcher.suspects('one')).toEqual([]);
  });

  it('has seen everything only when the list is read and the watch is open', () => {
    const { watcher, follow, tell } = start();
    follow('one', 'a');
    expect(watcher.isComplete('one')).toBe(false);
    tell(nothing);
    expect(watcher.isComplete('one')).toBe(false);
    tell({ type: 'opened' });
    expect(watcher.isComplete('one')).toBe(true);
  });

  it('keeps telling what may be listed but not watched, also when another Delivery joins', async () => {
    const { watcher, follow, tell, opened } = start();
    follow('one', 'a');
    tell(nothing);
    tell(forbidden);
    follow('two', 'b');
    await expect.poll(opened).toBe(2);
    tell(nothing);
    expect(watcher.troubles('one')).toHaveLength(1);
    expect(watcher.troubles('two')).toHaveLength(1);
    tell({ type: 'opened' });
    expect(watcher.troubles('one')).toEqual([]);
    expect(watcher.isComplete('one')).toBe(true);
  });

  it('wakes every user when a trouble begins and when it ends, and once only while it lasts', () => {
    const { woken, follow, tell } = start();
    follow('one', 'a');
    tell(forbidden);
    tell(forbidden);
    expect(woken).toEqual(['one']);
    tell({ type: 'opened' });
    expect(woken).toEqual(['one', 'one']);
  });
});
