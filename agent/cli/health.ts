import { readFileSync } from 'node:fs';
import { at, isObject, objectsAt, textAt } from '../../diff/json.ts';
import { expressionsOf, type OwnRule } from '../../health/own-rules.ts';
import type { Owned } from '../../health/owner-tree.ts';
import { healthOf } from '../../health/rules.ts';
import { passesGate } from '../../health/scale.ts';
import { readRule } from '../../sync/delivery/health-rule.ts';
import { parseYaml } from '../../sync/render/yaml.ts';
import { type Health, healthWords, type KubeObject, refOf, titleOf } from '../../sync/types.ts';
import { printable } from '../printable.ts';
import { type Connected, parseConnected } from './arguments.ts';
import { objectsIn } from './files.ts';
import { healthWith, treeOf } from './owner-tree.ts';
import { printJson } from './table.ts';
import { codeOf, headOf } from './tree.ts';

/**
 * `lockstep health -f FILE|-`: one JSON line for each object, in order, without any cluster. `lockstep health NAME`: a
 * Delivery as a tree down to pods, with the word of each object, why, and since when. Exit code 2 when the worst is not
 * Healthy or Suspended.
 */
export async function healthCommand(args: readonly string[]): Promise<number> {
  const given = parseConnected(args, ['[NAME]'], {
    file: { type: 'string', short: 'f' },
    rules: { type: 'string' },
  });
  const { words, flags } = given;
  const [name] = words;
  if (flags['file'] === '-' && flags['rules'] === '-')
    throw new Error('only one of -f and --rules can be standard input');
  if (flags['file'] !== undefined && name === undefined) return ofFile(flags['file'], flags['rules']);
  if (name === undefined || flags['file'] !== undefined)
    throw new Error('either NAME or -f FILE is needed; - reads from standard input');
  if (flags['rules'] !== undefined) throw new Error('--rules goes with -f: a Delivery has rules of its own');
  return ofDelivery(given, name);
}

async function ofFile(file: string, rulesFile: string | undefined): Promise<number> {
  const context = await healthWith(rulesFile === undefined ? [] : await rulesIn(rulesFile));
  const all = objectsIn(file).map((object) => ({ object, health: healthOf(object, context) }));
  for (const { object, health } of all) process.stdout.write(printable(`${JSON.stringify(lineOf(object, health))}\n`));
  return all.every(({ health }) => passesGate(health)) ? 0 : 2;
}

function lineOf({ apiVersion, kind, metadata }: KubeObject, { status, reason, message }: Health): object {
  return { apiVersion, kind, namespace: metadata.namespace, name: metadata.name, status, reason, message };
}

/** The health rules of a file: a list of them, as spec.health.rules has it. @throws Error that says what is wrong, and where */
async function rulesIn(file: string): Promise<OwnRule[]> {
  const rules = parseYaml(readFileSync(file === '-' ? 0 : file, 'utf8'))
    .flat()
    .map((value, index) => readRule(value, `${file}[${index}]`));
  const { createEvaluator } = await import('../../health/evaluate.ts');
  const evaluator = createEvaluator();
  const problems = rules.flatMap((rule, index) =>
    evaluator.check(expressionsOf(rule)).map((one) => `${file}[${index}].${one}`),
  );
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return rules;
}

async function ofDelivery({ flags, namespace, isJson }: Connected, name: string): Promise<number> {
  const tree = await treeOf(flags['kubeconfig'], namespace, name);
  const objects = tree.waves.flatMap((wave) => wave.objects);
  if (isJson) printJson(objects.map(nodeOf));
  else {
    const now = Date.now();
    const lines = [...objects.flatMap((one) => linesOf(one, 1, now)), ...missingIn(tree.delivery)];
    process.stdout.write(printable(`${[headOf(tree.delivery), ...lines].join('\n')}\n`));
  }
  const code = codeOf(tree, 'health');
  return areAllFine(tree.delivery) ? code : 2;
}

/** What is not there can't be listed: the agent misses it. */
function missingIn(delivery: KubeObject): string[] {
  return objectsAt(delivery, 'status', 'worst')
    .filter((one) => one['health'] === 'Missing')
    .map((one) => {
      const [kind, namespace, name] = ['kind', 'namespace', 'name'].map((field) => textAt(one, field));
      return `  ${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}  Missing ${textAt(one, 'reason') ?? ''}`;
    });
}

/** Whether the agent, too, found all as it should be: it knows more rules, and what is missing. */
function areAllFine(delivery: KubeObject): boolean {
  const counts = at(delivery, 'status', 'health');
  return !isObject(counts) || healthWords.filter((word) => word in counts).every((status) => passesGate({ status }));
}

function nodeOf({ object, health, since, children }: Owned): object {
  return {
    ...lineOf(object, health),
    ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
    children: children.map(nodeOf),
  };
}

function linesOf({ object, health, since, children }: Owned, depth: number, now: number): string[] {
  const { status, reason, message } = health;
  const age = since === undefined ? '' : `  ${ageOf(now - since)}`;
  // The object stands in front of its own message: it need not be named twice.
  const title = titleOf(refOf(object));
  const why = message.startsWith(`${title}: `) ? message.slice(title.length + 2) : message;
  const line = `${'  '.repeat(depth)}${title}  ${status} ${reason}${age}${why === '' ? '' : `  ${why}`}`;
  return [line, ...children.flatMap((child) => linesOf(child, depth + 1, now))];
}

/** `42s`, `7m`, `3h`, `12d`. */
function ageOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
