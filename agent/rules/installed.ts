import { hashText } from '../../diff/hash.ts';
import { isObject, type Json, textAt } from '../../diff/json.ts';
import type { OwnRule } from '../../health/own-rules.ts';
import { readRule } from '../../sync/delivery/health-rule.ts';
import { messageOf } from '../../sync/errors.ts';
import type { KubeObject } from '../../sync/types.ts';
import type { Place } from '../kube/watch-one.ts';
import type { Checked } from './judge.ts';

/** The rules of the installation, as they were read from its ConfigMap. */
export interface Installed {
  /** Equal ones have the same. */
  readonly id: string;
  /** By the key under which they stand. For a kind whose rule is wrong, the one from before stays, or one that says so. */
  readonly lists: ReadonlyMap<string, readonly OwnRule[]>;
  /** What is wrong with the rule for a kind, by group and kind. */
  readonly broken: ReadonlyMap<string, string>;
  /** Why nobody can tell which kinds there are rules for. */
  readonly unreadable: string | undefined;
  /** All that is wrong. */
  readonly problems: readonly string[];
  /** A check was broken off, and should be made again. */
  readonly isUnsure: boolean;
}

/** There are no rules. */
export const nothingInstalled: Installed = {
  id: '',
  lists: new Map(),
  broken: new Map(),
  unreadable: undefined,
  problems: [],
  isUnsure: false,
};

/** What reading needs. */
interface Reading {
  readonly place: Place;
  parse(text: string): Json[];
  check(rule: OwnRule): Promise<Checked>;
}

/** One rule as it was read, or what is wrong with it. */
interface Read {
  readonly group: string;
  /** Undefined where it names none. */
  readonly kind: string | undefined;
  readonly rule?: OwnRule;
  readonly problem?: string;
  readonly isUnsure?: boolean;
}

/**
 * Reads the rules in a ConfigMap. One that is wrong concerns no other kind.
 * @param before what was read last
 */
export async function readInstalled(object: KubeObject, reading: Reading, before: Installed): Promise<Installed> {
  const lists = new Map<string, readonly OwnRule[]>();
  const all: Read[] = [];
  const unreadable: string[] = [];
  const data = object['data'];
  const earlier = [...before.lists.values()].flat();
  for (const key of isObject(data) ? Object.keys(data).sort() : []) {
    const where = `ConfigMap ${reading.place.namespace}/${reading.place.name}, ${key}`;
    const values = parsed(textAt(data, key) ?? '', reading);
    if (typeof values === 'string') {
      unreadable.push(`${where}: ${values}`);
      lists.set(key, before.lists.get(key) ?? []);
      continue;
    }
    const read = await Promise.all(values.map((value, index) => readOne(value, `${where}[${index}]`, reading)));
    all.push(...read);
    lists.set(
      key,
      read.flatMap((one) => ruleOf(one, earlier)),
    );
  }
  const broken = new Map(
    all.flatMap(({ group, kind, problem = '' }): [string, string][] =>
      kind === undefined || problem === '' ? [] : [[`${group}/${kind}`, problem]],
    ),
  );
  const problems = [...unreadable, ...all.flatMap(({ problem }) => problem ?? [])];
  return {
    id: hashText(JSON.stringify([[...lists], [...broken], problems])),
    lists,
    broken,
    unreadable: unreadable[0],
    problems,
    isUnsure: all.some(({ isUnsure }) => isUnsure === true),
  };
}

/** The rule that holds for a kind: where what stands there is wrong, the one from before, or one that only says so. */
function ruleOf({ rule, group, kind, problem }: Read, earlier: readonly OwnRule[]): OwnRule[] {
  if (rule !== undefined) return [rule];
  if (kind === undefined || problem === undefined) return [];
  const last = earlier.find((one) => one.group === group && one.kind === kind && one.problem === undefined);
  return [last ?? { group, kind, problem }];
}

async function readOne(value: Json, where: string, { check }: Reading): Promise<Read> {
  const names = { group: textAt(value, 'group') ?? '', kind: textAt(value, 'kind') };
  try {
    const rule = readRule(value, where);
    const checked = await check(rule);
    if ('problem' in checked)
      return { ...names, problem: `${where}: it could not be checked: ${checked.problem}`, isUnsure: true };
    const wrong = checked.problems.map((one) => `${where}.${one}`);
    return wrong.length === 0 ? { ...names, rule } : { ...names, problem: wrong.join('; ') };
  } catch (error) {
    return { ...names, problem: messageOf(error) };
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
