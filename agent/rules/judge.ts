import type { JsonObject } from '../../diff/json.ts';
import type { Answer, Expressions } from '../../health/evaluate.ts';
import { expressionsOf, verdictBy } from '../../health/own-rules.ts';
import type { Judge } from '../../health/ruling.ts';
import { progressingUntil, type Verdict } from '../../health/scale.ts';
import type { Clock } from '../../sync/ports.ts';
import type { Outcome, Task } from './messages.ts';
import { type Broken, createThread, type Thread } from './thread.ts';

/** What is wrong with a rule, nothing when all is well; or why that could not be found out now. */
export type Checked = { readonly problems: readonly string[] } | Broken;

/** Evaluates what people wrote in CEL, none of which can take the time of others. */
export interface RuleJudge {
  /** @param owner whose expressions they are: the uid of a Delivery, or a name for the installation */
  check(owner: string, expressions: Expressions): Promise<Checked>;
  /** What they come to for some values. */
  answer(
    owner: string,
    expressions: Expressions,
    values: JsonObject,
  ): Promise<{ readonly answers: Readonly<Record<string, Answer>> } | Broken>;
  readonly judge: Judge;
  close(): Promise<void>;
}

/** So much time the rules of one owner may take in all within a window, in milliseconds. */
const budget = { window: 60_000, time: 2_000 };
/** Owners whose tasks are before the thread at once, one of each. */
const ahead = 8;

interface Waiting {
  readonly task: Task;
  readonly done: (outcome: Outcome | Broken) => void;
}

/** What one owner asks, and what that has taken. */
interface Account {
  /** By what is asked: something newer about the same takes the place of what has not begun. */
  readonly waiting: Map<string, Waiting>;
  isServed: boolean;
  since: number;
  used: number;
  /** Why nothing of it is evaluated until the window ends. */
  problem: string | undefined;
}

export function createRuleJudge(clock: Clock, thread: Thread = createThread()): RuleJudge {
  const accounts = new Map<string, Account>();
  /** Those that wait for their turn, in order: each has one task before the thread, however many it has. */
  const turns: Account[] = [];
  let served = 0;
  let asked = 0;

  const isOver = ({ since }: Account): boolean => clock.now() >= since + budget.window;

  function accountOf(owner: string): Account {
    for (const [name, one] of accounts)
      if (!one.isServed && one.waiting.size === 0 && isOver(one)) accounts.delete(name);
    const known = accounts.get(owner);
    if (known !== undefined) return known;
    const fresh = { waiting: new Map(), isServed: false, since: clock.now(), used: 0, problem: undefined };
    accounts.set(owner, fresh);
    return fresh;
  }

  function ask(account: Account, key: string, one: Waiting): void {
    if (account.waiting.size === 0 && !account.isServed) turns.push(account);
    account.waiting.set(key, one);
    serve();
  }

  function serve(): void {
    while (served < ahead) {
      const account = turns.shift();
      if (account === undefined) return;
      if (isOver(account)) Object.assign(account, { since: clock.now(), used: 0, problem: undefined });
      const [next] = account.waiting;
      if (account.problem !== undefined) refuseAll(account, account.problem);
      else if (next !== undefined) run(account, ...next);
    }
  }

  function refuseAll({ waiting }: Account, problem: string): void {
    const all = [...waiting.values()];
    waiting.clear();
    for (const { done } of all) done({ problem });
  }

  function run(account: Account, key: string, { task, done }: Waiting): void {
    account.waiting.delete(key);
    account.isServed = true;
    served += 1;
    thread.run(task, (outcome) => {
      served -= 1;
      account.isServed = false;
      charge(account, outcome);
      if (account.waiting.size > 0) turns.push(account);
      done(outcome);
      serve();
    });
  }

  function charge(account: Account, outcome: Outcome | Broken): void {
    if ('problem' in outcome) account.problem = outcome.problem;
    else account.used += outcome.took;
    if (account.used > budget.time) account.problem ??= `took more than ${budget.time / 1000} s within a minute`;
  }

  function tooSlow({ since }: Account, problem: string): Verdict {
    return progressingUntil(since + budget.window, 'RuleTooSlow', `the rule for its kind ${problem}, and rests`);
  }

  /** A question of its own: nothing newer takes its place. */
  function askOnce(owner: string, task: Task): Promise<Outcome | Broken> {
    asked += 1;
    return new Promise((done) => ask(accountOf(owner), `question ${asked}`, { task, done }));
  }

  return {
    check: async (owner, expressions) => {
      const outcome = await askOnce(owner, { expressions });
      return 'problem' in outcome ? outcome : { problems: outcome.problems ?? [] };
    },
    answer: async (owner, expressions, values) => {
      const outcome = await askOnce(owner, { expressions, values });
      return 'problem' in outcome ? outcome : { answers: outcome.answers ?? {} };
    },
    judge: ({ owner, key, rule, object }, answer) => {
      const account = accountOf(owner);
      const done = (outcome: Outcome | Broken): void =>
        answer('problem' in outcome ? tooSlow(account, outcome.problem) : verdictBy(rule, outcome.answers ?? {}));
      ask(account, key, { task: { expressions: expressionsOf(rule), values: { self: object } }, done });
    },
    close: () => thread.close(),
  };
}
