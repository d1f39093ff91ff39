import { hashText } from '../diff/hash.ts';
import { groupOf, type KubeObject } from '../sync/types.ts';
import type { Answer, Expressions } from './evaluate.ts';
import { degraded, healthy, progressing, type Verdict } from './scale.ts';

/** The expressions of a rule that are questions, in the order in which they are asked. */
export const questions = ['progressing', 'degraded', 'healthy'] as const;
type Question = (typeof questions)[number];

/** A rule for the health of a kind that people wrote: CEL expressions over `self`. */
export interface OwnRule {
  readonly group: string;
  readonly kind: string;
  readonly progressing?: string;
  readonly degraded?: string;
  readonly healthy?: string;
  /** What is told beside the word: a text. */
  readonly message?: string;
  /** What is wrong with it, where it is known to be wrong: then it is never evaluated, and nothing counts as healthy by it. */
  readonly problem?: string;
}

/** What the expressions of a rule came to for one object. */
export type Answers = { readonly [name in Question | 'message']?: Answer };

const names = [...questions, 'message'] as const;

/** The expressions of a rule. */
export function expressionsOf(rule: OwnRule): Expressions {
  const texts = names.flatMap((name) => (rule[name] === undefined ? [] : [[name, rule[name]] as const]));
  return { texts: Object.fromEntries(texts), variables: ['self'] };
}

/** The rules that count for the objects of a Delivery. */
export interface RuleSet {
  /** Equal sets have the same. */
  readonly id: string;
  /** The rule for a kind; undefined where nobody wrote one. */
  of(group: string, kind: string): OwnRule | undefined;
}

/** No rules. */
export const noRules: RuleSet = { id: '', of: () => undefined };

/** Rules by kind. Those that come first count before the later ones. */
export function ruleSet(...lists: readonly (readonly OwnRule[])[]): RuleSet {
  const byKind = new Map<string, OwnRule>();
  for (const rule of lists.flat()) {
    const name = `${rule.group}/${rule.kind}`;
    if (!byKind.has(name)) byKind.set(name, rule);
  }
  if (byKind.size === 0) return noRules;
  return { id: hashText(JSON.stringify([...byKind.values()])), of: (group, kind) => byKind.get(`${group}/${kind}`) };
}

/** The rule for an object. */
export function ruleFor(
  rules: RuleSet,
  { apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>,
): OwnRule | undefined {
  return rules.of(groupOf(apiVersion), kind);
}

/**
 * The word that answers come to: that of the first question that is answered with true. When none is, what a rule calls
 * healthy is not so yet; a rule that only says what is bad leaves all else to the kind: undefined. A question that can't
 * be answered, as when a field is not there yet, counts as not true.
 */
export function verdictBy(rule: OwnRule, answers: Answers): Verdict | undefined {
  const say = (fallback: string): string => {
    const { message } = answers;
    return message !== undefined && 'value' in message && typeof message.value === 'string' ? message.value : fallback;
  };
  const asked = questions.filter((name) => rule[name] !== undefined);
  switch (asked.find((name) => isTrue(answers[name]))) {
    case 'progressing':
      return progressing('RuleProgressing', say('is progressing, by the rule for its kind'));
    case 'degraded':
      return degraded('RuleDegraded', say('is degraded, by the rule for its kind'));
    case 'healthy':
      return { ...healthy('RuleHealthy'), message: say('') };
    default:
  }
  if (rule.healthy === undefined) return undefined;
  const problem = asked.map((name) => problemOf(name, answers[name])).find((one) => one !== undefined);
  return progressing('RuleNotMet', say(problem ?? 'is not healthy yet, by the rule for its kind'));
}

function isTrue(answer: Answer | undefined): boolean {
  return answer !== undefined && 'value' in answer && answer.value === true;
}

function problemOf(name: Question, answer: Answer | undefined): string | undefined {
  if (answer === undefined) return undefined;
  if ('problem' in answer) return `the expression ${name} of the rule for its kind: ${answer.problem}`;
  if (typeof answer.value === 'boolean') return undefined;
  return `the expression ${name} of the rule for its kind comes to no true or false`;
}
