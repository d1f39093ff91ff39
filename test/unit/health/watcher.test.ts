import { describe, expect, it } from 'vitest';
import { textAt } from '../../../diff/json.ts';
import { type RuleSet, ruleSet } from '../../../health/own-rules.ts';
import type { Judge } from '../../../health/ruling.ts';
import type { Verdict } from '../../../health/scale.ts';
import { createWatcher } from '../../../health/watcher.ts';
import type { WatchEvent, Watches } from '../../../sync/ports.ts';
import type { Entry } from '../../../sync/release/record.ts';
import { shortUid } from '../../../sync/stamp.ts';
import type { HealthWord, KubeObject } from '../../../sync/types.ts';

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

function start(judge: Judge = () => undefined, now: () => number = () => 0) {
  const tellers: ((event: WatchEvent) => void)[] = [];
  const watches: Watches = {
    open: (_target, onEvent) => {
      tellers.push(onEvent);
      return () => undefined;
    },
  };
  const woken: string[] = [];
  const context = () => ({ now: now(), bindingMode: () => undefined });
  const watcher = createWatcher(watches, context, (uid) => woken.push(uid), judge);
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

  describe('with a rule that somebody wrote', () => {
    const widget = (version: string, generation = 1, status = {}): KubeObject => ({
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: {
        name: 'w',
        namespace: 'shop',
        uid: 'u',
        resourceVersion: version,
        generation,
        labels: { 'lockstep.dev/delivery': shortUid('one') },
      },
      status: { ready: true, ...status },
    });
    const key = 'example.com/Widget/shop/w';
    const ref = { apiVersion: 'example.com/v1', kind: 'Widget', namespace: 'shop', name: 'w' };
    const entries = new Map([[key, { ...entry('w'), key, ref, manifest: widget('0') }]]);
    const rules = (healthy: string): RuleSet => ruleSet([{ group: 'example.com', kind: 'Widget', healthy }]);

    /** A judge whose answers come when the test says so. */
    function startJudged() {
      const asked: { rule: string | undefined; version: string | undefined; answer: (word?: string) => void }[] = [];
      const all = start(({ rule, object }, answer) => {
        const say = (word = 'Healthy'): void => answer({ status: word as HealthWord, reason: word, message: '' });
        asked.push({ rule: rule.healthy, version: textAt(object, 'metadata', 'resourceVersion'), answer: say });
      });
      const word = (): string | undefined => all.watcher.live('one', key)?.health.reason;
      const seen = (object: KubeObject): void => all.tell({ type: 'changed', object });
      all.watcher.follow('one', 'shop', entries, rules('a'));
      return { ...all, asked, word, seen };
    }

    it('knows nothing before the first answer, and then what it says', () => {
      const { asked, word, seen, woken } = startJudged();
      seen(widget('1'));
      expect(word()).toBe('RulePending');
      expect(asked).toHaveLength(1);
      const before = woken.length;
      asked[0]?.answer();
      expect(word()).toBe('Healthy');
      expect(woken.length).toBe(before + 1);
    });

    it('keeps what was said of the same generation until the next answer, and of a new one nothing', () => {
      const { asked, word, seen, woken } = startJudged();
      seen(widget('1'));
      asked[0]?.answer();
      const before = woken.length;
      seen(widget('2'));
      expect(word()).toBe('Healthy');
      asked[1]?.answer();
      // Nothing changed: nobody is woken.
      expect(woken.length).toBe(before);
      seen(widget('3', 2));
      expect(word()).toBe('RulePending');
      asked[2]?.answer('Degraded');
      expect(word()).toBe('Degraded');
    });

    it('takes no answer about a state that is not the newest', () => {
      const { asked, word, seen } = startJudged();
      seen(widget('1'));
      seen(widget('2'));
      asked[0]?.answer('Degraded');
      expect(word()).toBe('RulePending');
      asked[1]?.answer();
      expect(word()).toBe('Healthy');
    });

    it('shows no value of a Secret to a rule, whose message ends up in a status', () => {
      const asked: object[] = [];
      const { watcher, tell } = start(({ object }) => void asked.push(object));
      const labels = { 'lockstep.dev/delivery': shortUid('one') };
      const metadata = { name: 's', namespace: 'shop', uid: 'u', resourceVersion: '1', labels };
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata, data: { password: 'aHVudGVyMg==' } };
      const of = { ...entry('s'), key: '/Secret/shop/s', ref: { ...entry('s').ref, kind: 'Secret' }, manifest: secret };
      watcher.follow('one', 'shop', new Map([[of.key, of]]), ruleSet([{ group: '', kind: 'Secret', healthy: 'true' }]));
      tell({ type: 'changed', object: secret });
      expect(asked).toMatchObject([{ kind: 'Secret', data: { password: '***' } }]);
    });

    it('believes nothing that was said of an object that is gone, or of one that has no generation', () => {
      const { asked, word, seen } = startJudged();
      seen(widget('1'));
      asked[0]?.answer();
      expect(word()).toBe('Healthy');
      seen({ ...widget('2'), metadata: { ...widget('2').metadata, uid: 'another' } });
      expect(word()).toBe('RulePending');
      const { generation: _none, ...metadata } = widget('5').metadata;
      seen({ ...widget('5'), metadata });
      asked.at(-1)?.answer();
      expect(word()).toBe('Healthy');
      seen({ ...widget('6'), metadata: { ...metadata, resourceVersion: '6' } });
      expect(word()).toBe('RulePending');
    });

    it('takes no answer of a rule that is gone, and asks nothing about an answer that is older than what was seen', () => {
      const { asked, word, seen, watcher } = startJudged();
      seen(widget('1'));
      watcher.follow('one', 'shop', entries, rules('b'));
      seen(widget('1'));
      asked[0]?.answer('Degraded');
      expect(word()).toBe('RulePending');
      asked.at(-1)?.answer();
      expect(word()).toBe('Healthy');
      seen(widget('9'));
      const before = asked.length;
      watcher.learn('one', key, widget('8'));
      expect(asked.length).toBe(before);
      asked.at(-1)?.answer('Degraded');
      expect(word()).toBe('Degraded');
    });

    it('asks again when what it said holds no longer', () => {
      let now = 0;
      const asked: ((verdict: Verdict) => void)[] = [];
      const { watcher, tell } = start(
        (_question, answer) => void asked.push(answer),
        () => now,
      );
      watcher.follow('one', 'shop', entries, rules('a'));
      tell({ type: 'changed', object: widget('1') });
      asked[0]?.({ status: 'Progressing', reason: 'RuleTooSlow', message: '', until: 60_000 });
      now = 59_000;
      expect(watcher.live('one', key)?.health.reason).toBe('RuleTooSlow');
      expect(asked).toHaveLength(1);
      now = 60_000;
      watcher.live('one', key);
      asked[1]?.({ status: 'Healthy', reason: 'RuleHealthy', message: '' });
      expect(watcher.live('one', key)?.health.reason).toBe('RuleHealthy');
    });

    it('calls nothing healthy by a rule that is known to be wrong', () => {
      const { watcher, tell } = start(() => expect.fail('it was asked'));
      const wrong = ruleSet([{ group: 'example.com', kind: 'Widget', problem: 'ConfigMap a/b, x[0]: no CEL' }]);
      watcher.follow('one', 'shop', entries, wrong);
      tell({ type: 'changed', object: widget('1') });
      expect(watcher.live('one', key)?.health).toEqual({
        status: 'Progressing',
        reason: 'InvalidRule',
        message: 'Widget shop/w: the rule for its kind is wrong: ConfigMap a/b, x[0]: no CEL',
      });
    });

    it('knows how a Job ended, whatever a rule calls that', () => {
      const { watcher, tell } = start((_question, answer) => answer({ status: 'Healthy', reason: 'X', message: '' }));
      const labels = { 'lockstep.dev/delivery': shortUid('one') };
      const metadata = { name: 'j', namespace: 'shop', uid: 'u', resourceVersion: '1', labels };
      const status = { conditions: [{ type: 'Complete', status: 'True' }] };
      const job: KubeObject = { apiVersion: 'batch/v1', kind: 'Job', metadata, status };
      const ref = { apiVersion: 'batch/v1', kind: 'Job', namespace: 'shop', name: 'j' };
      const of: Entry = { ...entry('j'), key: 'batch/Job/shop/j', ref, manifest: job };
      watcher.follow(
        'one',
        'shop',
        new Map([[of.key, of]]),
        ruleSet([{ group: 'batch', kind: 'Job', healthy: 'true' }]),
      );
      tell({ type: 'changed', object: job });
      expect(watcher.live('one', of.key)?.health.reason).toBe('X');
      expect(watcher.jobEnd('one', of.key)).toBe('Complete');
    });

    it('has all told again when other rules hold, and asks them', async () => {
      const { asked, word, seen, watcher, opened } = startJudged();
      seen(widget('1'));
      asked[0]?.answer();
      watcher.follow('one', 'shop', entries, rules('b'));
      await expect.poll(opened).toBe(2);
      seen(widget('1'));
      watcher.live('one', key);
      expect(asked.at(-1)).toMatchObject({ rule: 'b', version: '1' });
      asked.at(-1)?.answer('Degraded');
      expect(word()).toBe('Degraded');
      watcher.follow('one', 'shop', entries, rules('b'));
      expect(watcher.isComplete('one')).toBe(false);
      expect(opened()).toBe(2);
    });
  });
});
