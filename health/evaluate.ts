import type { JsonObject } from '../diff/json.ts';
import { compile, EvaluationError, type Expression, ExpressionError } from './cel.ts';

/** Expressions that belong together, by the names that people know them by. */
export interface Expressions {
  readonly texts: Readonly<Record<string, string>>;
  /** What they may name. */
  readonly variables: readonly string[];
  /** Those of them whose numbers are doubles, whole or not: what is measured. */
  readonly doubles?: readonly string[];
  /** The values may be secrets: a problem says where it is, and not what. */
  readonly areSecret?: boolean;
}

/** What an expression came to: a truth or a text; undefined for all else. */
export type Answer = { readonly value: boolean | string | undefined } | { readonly problem: string };

/** Evaluates expressions; each is compiled once. */
export interface Evaluator {
  /** What is wrong with them: `healthy: there is no function foo at line 1, column 3`; nothing when all is well. */
  check(expressions: Expressions): string[];
  /** What each comes to for the values of the variables. */
  answer(expressions: Expressions, values: JsonObject): Record<string, Answer>;
}

/** Characters of expressions that are kept compiled, which takes some hundred times as much: others make room for new ones. */
const mostKept = 100_000;
/** The longest text that an expression may come to: it is kept for each object. */
const longest = 1_000;

export function createEvaluator(): Evaluator {
  const compiled = new Map<string, Expression>();
  let kept = 0;

  function compiledOnce(text: string, { variables, doubles = [] }: Expressions): Expression {
    const name = `${variables.join()} ${doubles.join()} ${text}`;
    const known = compiled.get(name);
    if (known !== undefined) return known;
    const expression = compile(text, variables, doubles);
    if (kept + text.length > mostKept) {
      compiled.clear();
      kept = 0;
    }
    kept += text.length;
    compiled.set(name, expression);
    return expression;
  }

  function problemIn(name: string, text: string, expressions: Expressions): string[] {
    try {
      compiledOnce(text, expressions);
      return [];
    } catch (error) {
      return [`${name}: ${messageOf(error)}`];
    }
  }

  function answerOf(text: string, expressions: Expressions, values: JsonObject): Answer {
    try {
      return { value: plain(compiledOnce(text, expressions).evaluate(values)) };
    } catch (error) {
      if (expressions.areSecret === true && error instanceof EvaluationError)
        return { problem: `can not be evaluated for what was answered${error.where}` };
      return { problem: messageOf(error) };
    }
  }

  return {
    check: (expressions) =>
      Object.entries(expressions.texts).flatMap(([name, text]) => problemIn(name, text, expressions)),
    answer: (expressions, values) =>
      Object.fromEntries(
        Object.entries(expressions.texts).map(([name, text]) => [name, answerOf(text, expressions, values)]),
      ),
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
