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

/** Characters of expressions that are kept compiled, which takes some hundred times as much: others make room for new ones. */
const mostKept = 100_000;
/** The longest text that an expression may come to: it is kept for each object. */
const longest = 1_000;

export function createEvaluator(): Evaluator {
  const compiled = new Map<string, Expression>();
  let kept = 0;

  function compiledOnce(text: string): Expression {
    const known = compiled.get(text);
    if (known !== undefined) return known;
    const expression = compile(text);
    if (kept + text.length > mostKept) {
      compiled.clear();
      kept = 0;
    }
    kept += text.length;
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
      return { value: plain(compiledOnce(text).evaluate(object)) };
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

/** Only these cross to another thread, and only these mean something. */
function plain(value: unknown): boolean | string | undefined {
  if (typeof value === 'string') return value.slice(0, longest);
  return typeof value === 'boolean' ? value : undefined;
}

/** A stack that overflows is a rule that is nested too deeply: nobody's fault but the rule's. */
function messageOf(error: unknown): string {
  if (error instanceof ExpressionError) return error.message;
  if (error instanceof RangeError) return 'is nested too deeply';
  throw error;
}
