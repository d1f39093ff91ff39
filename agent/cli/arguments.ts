import { parseArgs } from 'node:util';

/** What every command that speaks to a cluster understands. */
const connectionOptions = {
  namespace: { type: 'string', short: 'n', default: 'default' },
  output: { type: 'string', short: 'o', default: 'text' },
  kubeconfig: { type: 'string' },
} as const;

/** Where the records are, for commands that read them. */
export const recordOptions = {
  'agent-namespace': { type: 'string', default: 'lockstep-system' },
} as const;

type Option = { readonly type: 'string' | 'boolean'; readonly short?: string; readonly default?: string | boolean };

/** What was given to a command. */
export interface Given {
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, string | undefined>>;
  /** A flag without a value. */
  has(flag: string): boolean;
}

/**
 * The words and flags of a command.
 * @param words what its words are called, those in brackets need not be there
 * @throws Error for a word or flag too many, or one too few
 */
export function parse(args: readonly string[], options: Record<string, Option>, words: readonly string[]): Given {
  const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options });
  const missing = words.filter((word) => !word.startsWith('['))[positionals.length];
  if (missing !== undefined) throw new Error(`${missing} is needed`);
  const extra = positionals[words.length];
  if (extra !== undefined)
    throw new Error(`${JSON.stringify(extra)} is one word too many; expected ${words.join(' ') || 'none'}`);
  const flags = Object.fromEntries(
    Object.entries(values).map(([flag, value]) => [flag, typeof value === 'string' ? value : undefined]),
  );
  return { words: positionals, flags, has: (flag) => values[flag] === true };
}

/** A command that speaks to a cluster. */
export interface Connected extends Given {
  readonly namespace: string;
  readonly isJson: boolean;
}

/** The words and flags of a command that speaks to a cluster. */
export function parseConnected(
  args: readonly string[],
  words: readonly string[],
  more: Record<string, Option> = {},
): Connected {
  const given = parse(args, { ...connectionOptions, ...more }, words);
  const isJson = oneOf(given.flags['output'], ['text', 'json']) === 'json';
  return { ...given, namespace: given.flags['namespace'] ?? 'default', isJson };
}

/** @throws Error when what was asked for by -o is none of those there are */
export function oneOf(output: string | undefined, all: readonly string[]): string {
  if (output === undefined || !all.includes(output)) throw new Error(`-o takes ${all.join(' or ')}, not ${output}`);
  return output;
}
