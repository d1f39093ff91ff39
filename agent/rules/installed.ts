import { isObject, type Json, textAt } from '../../diff/json.ts';
import type { OwnRule } from '../../health/own-rules.ts';
import { readRule } from '../../sync/delivery/health-rule.ts';
import { messageOf } from '../../sync/errors.ts';
import type { KubeObject } from '../../sync/types.ts';

/** The rules of the installation, as they were read from its ConfigMap. */
export interface Installed {
  /** By the key under which they stand. */
  readonly lists: ReadonlyMap<string, readonly OwnRule[]>;
  /** What is wrong with the rule for a kind, by group and kind. */
  readonly broken: ReadonlyMap<string, string>;
  /** All that is wrong. */
  readonly problems: readonly string[];
}

/** There are no rules. */
export const nothingInstalled: Installed = { lists: new Map(), broken: new Map(), problems: [] };

/** What reading needs. */
interface Reading {
  readonly place: { readonly namespace: string; readonly name: string };
  parse(text: string): Json[];
  check(rule: OwnRule): Promise<readonly string[]>;
}

/** One rule as it was read: it, or what is wrong with the one for a kind; or with what names no kind. */
type Read = { readonly rule: OwnRule } | { readonly problem: string; readonly name: string | undefined };

/**
 * Reads the rules in a ConfigMap. One that is wrong concerns no other.
 * @param before what was read last: of a key that is no YAML the rules from before stay
 */
export async function readInstalled(object: KubeObject, reading: Reading, before: Installed): Promise<Installed> {
  const lists = new Map<string, readonly OwnRule[]>();
  const broken = new Map<string, string>();
  const problems: string[] = [];
  const data = object['data'];
  for (const key of isObject(data) ? Object.keys(data).sort() : []) {
    const where = `ConfigMap ${reading.place.namespace}/${reading.place.name}, ${key}`;
    const values = parsed(textAt(data, key) ?? '', reading);
    if (typeof values === 'string') {
      problems.push(`${where}: ${values}`);
      lists.set(key, before.lists.get(key) ?? []);
      continue;
    }
    const read = await Promise.all(values.map((value, index) => readOne(value, `${where}[${index}]`, reading)));
    lists.set(
      key,
      read.flatMap((one) => ('rule' in one ? [one.rule] : [])),
    );
    for (const one of read) {
      if ('rule' in one) continue;
      problems.push(one.problem);
      if (one.name !== undefined) broken.set(one.name, one.problem);
    }
  }
  return { lists, broken, problems };
}

async function readOne(value: Json, where: string, { check }: Reading): Promise<Read> {
  const kind = textAt(value, 'kind');
  const name = kind === undefined ? undefined : `${textAt(value, 'group') ?? ''}/${kind}`;
  try {
    const rule = readRule(value, where);
    const wrong = await check(rule);
    return wrong.length === 0 ? { rule } : { name, problem: wrong.map((one) => `${where}.${one}`).join('; ') };
  } catch (error) {
    return { name, problem: messageOf(error) };
  }
}

/** The documents of a text, and what stands in lists among them; or why it can't be read. */
function parsed(text: string, { parse }: Reading): Json[] | string {
  try {
    return parse(text).flat();
  } catch (error) {
    return messageOf(error);
  }
}
