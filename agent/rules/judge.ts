import { type OwnRule, verdictBy } from '../../health/own-rules.ts';
import type { Judge } from '../../health/ruling.ts';
import { progressing, type Verdict } from '../../health/scale.ts';
import type { Clock } from '../../sync/ports.ts';
import type { Outcome } from './messages.ts';
import { type Broken, createThread, type Thread } from './thread.ts';

/** Evaluates rules of people, none of which can take the time of others. */
export interface RuleJudge {
  /** What is wrong with a rule; nothing when all is well. */
  check(rule: OwnRule): Promise<readonly string[]>;
  readonly judge: Judge;
  close(): Promise<void>;
}

/** So much time a rule may take in all within a window, in milliseconds. */
const budget = { window: 60_000, time: 2_000 };

interface Account {
  readonly since: number;
  used: number;
  /** Why it is not evaluated any more until the window ends. */
  problem: string | undefined;
}

export function createRuleJudge(clock: Clock, thread: Thread = createThread()): RuleJudge {
  const accounts = new Map<string, Account>();

  function accountOf(rule: OwnRule): Account {
    const key = JSON.stringify(rule);
    const known = accounts.get(key);
    if (known !== undefined && clock.now() < known.since + budget.window) return known;
    for (const [other, { since }] of accounts) if (clock.now() >= since + budget.window) accounts.delete(other);
    const fresh: Account = { since: clock.now(), used: 0, problem: undefined };
    accounts.set(key, fresh);
    return fresh;
  }

  function charge(account: Account, outcome: Outcome | Broken): void {
    if ('problem' in outcome) account.problem = outcome.problem;
    else account.used += outcome.took;
    if (account.used > budget.time) account.problem ??= `took more than ${budget.time / 1000} s within a minute`;
  }

  function refused({ since, problem }: Account): Verdict {
    const message = `the rule for its kind ${problem}, and rests`;
    return { ...progressing('RuleTooSlow', message), until: since + budget.window };
  }

  return {
    check: (rule) =>
      new Promise((resolve) => {
        thread.run({ rule }, (outcome) => {
          resolve('problem' in outcome ? [outcome.problem] : (outcome.problems ?? []));
        });
      }),
    judge: (rule, object, answer) => {
      const account = accountOf(rule);
      if (account.problem !== undefined) {
        answer(refused(account));
        return;
      }
      thread.run({ rule, object }, (outcome) => {
        charge(account, outcome);
        answer('problem' in outcome ? refused(account) : verdictBy(rule, outcome.answers ?? {}));
      });
    },
    close: () => thread.close(),
  };
}
