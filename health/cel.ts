import { celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { isObject, type Json, type JsonObject } from '../diff/json.ts';
import { problemsIn, type Syntax } from './cel-syntax.ts';

/** A CEL expression, ready to be evaluated again and again. */
export interface Expression {
  /** What it comes to for the values of its variables. @throws ExpressionError where it can't be evaluated for them */
  evaluate(values: JsonObject): unknown;
}

/** An expression that is wrong, or can't be evaluated. The message ends with where: `line 1, column 8`. */
export class ExpressionError extends Error {}

/** An expression that is right, and can't be evaluated for some values; the message may hold parts of them. */
export class EvaluationError extends ExpressionError {
  /** ` at line 1, column 8`. */
  readonly where: string;

  constructor(message: string, where: string) {
    super(`${message}${where}`);
    this.where = where;
  }
}

const env = celEnv({ funcs: strings });
/** Bytes stand outside of the memory that a thread is held to, and no object of Kubernetes has any. */
const functions: ReadonlySet<string> = new Set(
  [...env.funcs].map(({ name }) => name).filter((name) => name !== 'bytes'),
);

/**
 * Reads an expression. Beyond its syntax, names that nothing answers to are found: they would fail each time.
 * @param variables what it may name
 * @param doubles those of them whose numbers are doubles, whole or not
 * @throws ExpressionError
 */
export function compile(text: string, variables: readonly string[], doubles: readonly string[] = []): Expression {
  const { expr, sourceInfo } = read(text);
  const where = (id: bigint | undefined): string =>
    placeOf(text, id === undefined ? undefined : sourceInfo?.positions[String(id)]);
  // What the parser makes is plain data of this shape: it names what stands where.
  const [problem] = problemsIn(expr as unknown as Syntax, variables, functions);
  if (problem !== undefined) throw new ExpressionError(`${problem.message}${where(problem.id)}`);
  const planned = plan(env, expr);
  return {
    evaluate: (values) => {
      const known = variables.map((name) => [name, toCel(values[name] ?? null, doubles.includes(name))]);
      const result = planned(Object.fromEntries(known));
      if (isCelError(result)) throw new EvaluationError(result.message, where(result.exprId));
      return result;
    },
  };
}

function read(text: string): ReturnType<typeof parse> {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw new ExpressionError('is nested too deeply');
    const { rawMessage, location } = error as { rawMessage?: string; location?: { start?: { offset?: number } } };
    throw new ExpressionError(`${rawMessage ?? 'can not be parsed'}${placeOf(text, location?.start?.offset)}`);
  }
}

/** ` at line 2, column 5`, counted from one. */
function placeOf(text: string, offset: number | undefined): string {
  if (offset === undefined) return '';
  const before = text.slice(0, offset).split('\n');
  return ` at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

/** CEL tells integers and doubles apart; JSON does not. Whole numbers are integers, as the API server has them. */
function toCel(value: Json, isDouble: boolean): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) && !isDouble ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((item) => toCel(item, isDouble));
  if (!isObject(value)) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, toCel(item, isDouble)]));
}
