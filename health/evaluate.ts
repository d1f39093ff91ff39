import type { Json } from '../diff/json.ts';
import { compile, type Expression, ExpressionError } from './cel.ts';
import { type Answer, type Answers, type OwnRule, questions } from './own-rules.ts';

const names = [...questions, 'message'] as const;

/** Evaluates rules; each expression is compiled once. */
export interface Evaluator {
  /** What is wrong with a rule: `healthy: there is no function foo at line 1, column 3`; nothing when all is well. */
  check(rule: OwnRule): string[];
  answer(rule: OwnRule, object: Json): Answers;
}

/** So many expressions are kept: those of rules that are not there any more make room. */
const most = 1_000;

export function createEvaluator(): Evaluator {
  const compiled = new Map<string, Expression>();

  function compiledOnce(text: string): Expression {
    const known = compiled.get(text);
    if (known !== undefined) return known;
    const expression = compile(text);
    if (compiled.size >= most) compiled.clear();
    compiled.set(text, expression);
    return expression;
  }

  function problemIn(name: string, text: string | undefined): string[] {
    if (text === undefined) return [];
    try {
      compiledOnce(text);
      return [];
    } catch (error) {
      return [`${name}: ${messageOf(error)}`];
    }
  }

  function answerOf(text: string | undefined, object: Json): Answer | undefined {
    if (text === undefined) return undefined;
    try {
      const value = compiledOnce(text).evaluate(object);
      // Only these cross to another thread, and only these mean something.
      return { value: typeof value === 'boolean' || typeof value === 'string' ? value : undefined };
    } catch (error) {
      return { problem: messageOf(error) };
    }
  }

  return {
    check: (rule) => names.flatMap((name) => problemIn(name, rule[name])),
    answer: (rule, object) => {
      const answers: { [name in (typeof names)[number]]?: Answer } = {};
      for (const name of names) {
        const answer = answerOf(rule[name], object);
        if (answer !== undefined) answers[name] = answer;
      }
      return answers;
    },
  };
}

/** A stack that overflows is a rule that is nested too deeply: nobody's fault but the rule's. */
function messageOf(error: unknown): string {
  if (error instanceof ExpressionError) return error.message;
  if (error instanceof RangeError) return 'is nested too deeply';
  throw error;
}
