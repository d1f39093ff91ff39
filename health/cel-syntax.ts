/** One node of a parsed CEL expression, as far as it matters here (cel/expr/syntax.proto). */
export interface Syntax {
  readonly id: bigint;
  readonly exprKind: Kind;
}

type Kind =
  | { readonly case: 'identExpr'; readonly value: { readonly name: string } }
  | { readonly case: 'selectExpr'; readonly value: { readonly operand?: Syntax } }
  | {
      readonly case: 'callExpr';
      readonly value: { readonly function: string; readonly target?: Syntax; readonly args: readonly Syntax[] };
    }
  | { readonly case: 'listExpr'; readonly value: { readonly elements: readonly Syntax[] } }
  | { readonly case: 'structExpr'; readonly value: { readonly entries: readonly Entry[] } }
  | { readonly case: 'comprehensionExpr'; readonly value: Comprehension }
  | { readonly case: 'constExpr'; readonly value: { readonly constantKind: { readonly case?: string } } }
  | { readonly case: undefined };

interface Entry {
  readonly keyKind: { readonly case: 'mapKey'; readonly value: Syntax } | { readonly case: 'fieldKey' | undefined };
  readonly value?: Syntax;
}

interface Comprehension {
  readonly iterVar: string;
  readonly iterVar2: string;
  readonly accuVar: string;
  readonly iterRange?: Syntax;
  readonly accuInit?: Syntax;
  readonly loopCondition?: Syntax;
  readonly loopStep?: Syntax;
  readonly result?: Syntax;
}

/** A name that nothing answers to, and the node that has it. */
export interface SyntaxProblem {
  readonly id: bigint;
  readonly message: string;
}

/** Names of types are values too: `type(x) == string`. */
const typeNames = ['int', 'uint', 'double', 'bool', 'string', 'list', 'map', 'null_type', 'type', 'google'];

/** Names that do not begin with a letter are operators, which the parser knows. */
const named = /^[A-Za-z]/;

/** Names in an expression that neither a variable of it, nor one of a macro, nor a function has; in the order of the text. */
export function problemsIn(
  expression: Syntax,
  variables: readonly string[],
  functions: ReadonlySet<string>,
): SyntaxProblem[] {
  const hint = variables.join() === 'self' ? 'the object is called self' : `there are ${variables.join(', ')}`;
  return problemsAt({ node: expression, names: new Set([...variables, ...typeNames]), hint }, functions);
}

/** A node, and the names of the values that it may use. */
interface Place {
  readonly node: Syntax;
  readonly names: ReadonlySet<string>;
  /** Which names there are, for whoever has mistyped one. */
  readonly hint: string;
}

function problemsAt(place: Place, functions: ReadonlySet<string>): SyntaxProblem[] {
  const own = problemOf(place, functions);
  const inner = partsOf(place, functions).flatMap((part) => problemsAt(part, functions));
  return own === undefined ? inner : [...inner, own];
}

function problemOf({ node, names, hint }: Place, functions: ReadonlySet<string>): SyntaxProblem | undefined {
  const { id, exprKind: kind } = node;
  if (kind.case === 'identExpr' && !names.has(kind.value.name))
    return { id, message: `there is no ${kind.value.name}: ${hint}` };
  if (kind.case === 'constExpr' && kind.value.constantKind.case === 'bytesValue')
    return { id, message: 'bytes are not supported' };
  if (kind.case !== 'callExpr') return undefined;
  const { function: name } = kind.value;
  const isKnown = !named.test(name) || functions.has(name) || isNamespaced(node, functions);
  return isKnown ? undefined : { id, message: `there is no function ${name}` };
}

/** The nodes below a node. */
function partsOf({ node, names, hint }: Place, functions: ReadonlySet<string>): Place[] {
  const places = (nodes: readonly (Syntax | undefined)[], known = names): Place[] =>
    nodes.flatMap((one) => (one === undefined ? [] : [{ node: one, names: known, hint }]));
  const { exprKind: kind } = node;
  switch (kind.case) {
    case 'selectExpr':
      return places([kind.value.operand]);
    case 'callExpr':
      return places([isNamespaced(node, functions) ? undefined : kind.value.target, ...kind.value.args]);
    case 'listExpr':
      return places(kind.value.elements);
    case 'structExpr':
      return places(kind.value.entries.flatMap(({ keyKind, value }) => [keyOf(keyKind), value]));
    case 'comprehensionExpr': {
      const { iterVar, iterVar2, accuVar, iterRange, accuInit, loopCondition, loopStep, result } = kind.value;
      const inside = new Set([...names, iterVar, iterVar2, accuVar]);
      return [...places([iterRange, accuInit]), ...places([loopCondition, loopStep, result], inside)];
    }
    default:
      return [];
  }
}

function keyOf(kind: Entry['keyKind']): Syntax | undefined {
  return kind.case === 'mapKey' ? kind.value : undefined;
}

/** `strings.quote(x)` is a function of a namespace, which looks like a method. */
function isNamespaced({ exprKind: kind }: Syntax, functions: ReadonlySet<string>): boolean {
  if (kind.case !== 'callExpr' || kind.value.target?.exprKind.case !== 'identExpr') return false;
  return functions.has(`${kind.value.target.exprKind.value.name}.${kind.value.function}`);
}
