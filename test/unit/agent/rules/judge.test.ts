import { afterEach, describe, expect, it } from 'vitest';
import { createRuleJudge, type RuleJudge } from '../../../../agent/rules/judge.ts';
import { createThread } from '../../../../agent/rules/thread.ts';
import type { JsonObject } from '../../../../diff/json.ts';
import { expressionsOf, type OwnRule } from '../../../../health/own-rules.ts';
import type { Verdict } from '../../../../health/scale.ts';

const opened: RuleJudge[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

let now = 0;
function start(limits?: { deadline: number; idle: number }): RuleJudge {
  now = 1_000_000;
  const clock = { now: () => now, steady: () => now, sleep: async () => undefined };
  const judge = createRuleJudge(clock, createThread(limits));
  opened.push(judge);
  return judge;
}

let questions = 0;
/** Asks about an object that nobody asked about before, unless it is named. */
function ask(
  { judge }: RuleJudge,
  rule: OwnRule,
  object: object,
  { owner = 'a', key = '' } = {},
): Promise<Verdict | undefined> {
  questions += 1;
  const about = key === '' ? `object ${questions}` : key;
  return new Promise((resolve) => judge({ owner, key: about, rule, object: object as JsonObject }, resolve));
}

const rule = (healthy: string): OwnRule => ({ group: 'example.com', kind: 'Widget', healthy });
/** A million steps and more: it takes seconds. */
const endless = rule('self.l.all(a, self.l.all(b, self.l.all(c, a + b + c >= 0)))');
const many = { l: Array.from({ length: 2_000 }, (_one, index) => index) };

describe('rules of people', () => {
  it('are evaluated in a thread of their own, in order', async () => {
    const judge = start();
    const words = await Promise.all([1, 2, 3].map((n) => ask(judge, rule('self.n == 2'), { n })));
    expect(words.map((one) => one?.status)).toEqual(['Progressing', 'Healthy', 'Progressing']);
  });

  it('are checked there too', async () => {
    const judge = start();
    expect(await judge.check('a', expressionsOf(rule('self.n ==')))).toEqual({
      problems: ['healthy: found = but expecting end of input at line 1, column 8'],
    });
    expect(await judge.check('a', expressionsOf(rule('self.n == 1')))).toEqual({ problems: [] });
  });

  it('that take too long are broken off, hold nobody else up, and rest for a while', async () => {
    const judge = start({ deadline: 100, idle: 60_000 });
    await ask(judge, rule('true'), {});
    let longest = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const other = { owner: 'b' };
    const [slow, quick] = await Promise.all([
      ask(judge, endless, many),
      ask(judge, rule('self.n == 1'), { n: 1 }, other),
    ]);
    clearInterval(beat);
    expect(slow).toMatchObject({ status: 'Progressing', reason: 'RuleTooSlow', until: now + 60_000 });
    expect(slow?.message).toContain('took longer than 100 ms');
    expect(quick?.status).toBe('Healthy');
    // The loop of the agent went on all the while.
    expect(longest).toBeLessThan(90);
    const started = performance.now();
    expect((await ask(judge, endless, many))?.reason).toBe('RuleTooSlow');
    expect(performance.now() - started).toBeLessThan(50);
    now += 60_001;
    expect((await ask(judge, endless, { l: [1] }))?.status).toBe('Healthy');
  });

  it('that fill the memory end their thread and nothing else', async () => {
    const judge = start({ deadline: 20_000, idle: 60_000 });
    const hungry = rule('self.l.map(a, self.l.map(b, self.l.map(c, [a, b, c]))).size() == 0');
    const [full, quick] = await Promise.all([ask(judge, hungry, many), ask(judge, rule('true'), {}, { owner: 'b' })]);
    expect(full).toMatchObject({ reason: 'RuleTooSlow', message: expect.stringContaining('memory') });
    expect(quick?.status).toBe('Healthy');
  });

  it('that use up a budget by many short evaluations rest too', async () => {
    const judge = start({ deadline: 5_000, idle: 60_000 });
    const costly = rule('self.l.all(a, self.l.all(b, a + b >= 0))');
    const words: (string | undefined)[] = [];
    for (let n = 0; n < 30; n += 1) words.push((await ask(judge, costly, { l: many.l.slice(0, 1_000) }))?.reason);
    expect(words[0]).toBe('RuleHealthy');
    expect(words.at(-1)).toBe('RuleTooSlow');
  });

  it('of one owner with hundreds of objects keep no other waiting, and none is held against another', async () => {
    const judge = start({ deadline: 100, idle: 60_000 });
    await ask(judge, rule('true'), {});
    const slow = Array.from({ length: 300 }, () => ask(judge, endless, many));
    const started = performance.now();
    const quick = await Promise.all([
      ask(judge, rule('self.n == 1'), { n: 1 }, { owner: 'b' }),
      // The very same rule, of somebody whose objects are small.
      ask(judge, endless, { l: [1] }, { owner: 'c' }),
      judge.check('d', expressionsOf(rule('self.n'))),
    ]);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(quick).toMatchObject([{ status: 'Healthy' }, { status: 'Healthy' }, { problems: [] }]);
    expect((await Promise.all(slow)).map((one) => one?.reason)).toEqual(slow.map(() => 'RuleTooSlow'));
    expect(performance.now() - started).toBeLessThan(1_500);
    // A check that could not be made is no verdict on the rule.
    expect(await judge.check('a', expressionsOf(rule('true')))).toMatchObject({
      problem: expect.stringContaining('took longer'),
    });
  });

  it('are asked about the newest state only, where several wait', async () => {
    const judge = start();
    const answers: (string | undefined)[] = [];
    const about = (n: number) =>
      judge.judge({ owner: 'a', key: 'it', rule: rule('self.n == 3'), object: { n } }, (one) =>
        answers.push(`${n} ${one?.status}`),
      );
    for (const n of [1, 2, 3]) about(n);
    await ask(judge, rule('true'), {});
    // The first has begun before the second came.
    expect(answers).toEqual(['1 Progressing', '3 Healthy']);
  });

  it('can not leave the memory that they are held to', async () => {
    const judge = start({ deadline: 20_000, idle: 60_000 });
    expect(await judge.check('a', expressionsOf(rule('size(bytes(self.text)) > 1')))).toEqual({
      problems: ['healthy: there is no function bytes at line 1, column 6'],
    });
    expect(await judge.check('a', expressionsOf(rule('size(b"ab") > 1')))).toMatchObject({
      problems: [expect.stringContaining('healthy: bytes are not supported at line 1')],
    });
    // What comes back is kept for each object.
    const long = { ...rule('true'), message: `[self.text]${'.map(x, x + x)'.repeat(15)}[0]` };
    expect((await ask(judge, long, { text: 'ab' }))?.message).toHaveLength(1_000);
  });

  it('let their thread go when there is nothing to do, and have it again when there is', async () => {
    const judge = start({ deadline: 1_000, idle: 20 });
    expect((await ask(judge, rule('true'), {}))?.status).toBe('Healthy');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await ask(judge, rule('true'), {}))?.status).toBe('Healthy');
  });
});
