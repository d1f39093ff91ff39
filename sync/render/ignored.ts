import { hashValue } from '../../diff/hash.ts';
import { type Ignored, isNameless, pointerParts, withoutPointed } from '../../diff/ignore.ts';
import type { JsonObject } from '../../diff/json.ts';
import { parts } from '../options.ts';
import { scaledBy } from '../scalers.ts';
import { annotation, groupOf, type KubeObject, refOf, titleOf } from '../types.ts';
import type { Checked, Desired } from './check.ts';

/** What a Delivery leaves alone of the objects that a rule fits. What is undefined fits all. */
export interface IgnoreRule extends Ignored {
  /** Texts in which `*` stands for anything. */
  readonly group: string | undefined;
  readonly kind: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** Places without which an object is not the one that it is. */
const neverIgnored = /^\/?(apiVersion|kind|metadata|metadata\/(name|namespace))?$/;

/** What is wrong with a pointer of a rule; undefined when nothing is. */
export function pointerProblem(pointer: string): string | undefined {
  if (pointerParts(pointer) === undefined)
    return `${JSON.stringify(pointer)} is no JSON pointer, such as /spec/replicas`;
  return neverIgnored.test(pointer) ? `${pointer} can not be ignored` : undefined;
}

/**
 * What of each object is left alone: by rules of the Delivery, by its own annotation, and because an autoscaler of the same
 * revision keeps its count. The values that Git has there are for the creation of the object, and no change of it.
 */
export function withIgnored(checked: Checked, rules: readonly IgnoreRule[]): Checked {
  const scaled = scaledKeys(checked.desired);
  const problems = [...checked.problems];
  const desired = checked.desired.map((one) => {
    const { pointers, managers } = ignoredOf(one, rules, scaled);
    if (pointers.length + managers.length === 0) return one;
    const wrong = problemOf(one.manifest, pointers);
    if (wrong === undefined) return leavingAlone(one, { pointers, managers });
    problems.push({ object: titleOf(refOf(one.manifest)), message: wrong });
    return one;
  });
  return { ...checked, desired, problems };
}

/** Pointers into one object, at most. */
const mostPointers = 200;

/** What is wrong with the pointers of an object's own annotation, or with any for this object. */
function problemOf(manifest: KubeObject, pointers: readonly string[]): string | undefined {
  const wrong = ownPointers(manifest)
    .map(pointerProblem)
    .find((problem) => problem !== undefined);
  if (wrong !== undefined) return `lockstep.dev/ignore: ${wrong}`;
  if (pointers.length > mostPointers) return `more than ${mostPointers} parts of it are to be ignored`;
  const nameless = pointers.find((pointer) => isNameless(manifest, pointer));
  return nameless === undefined
    ? undefined
    : `${nameless} can not be ignored alone, as the items of that list have no names; ignore the whole list`;
}

function ownPointers(manifest: KubeObject): string[] {
  const text = annotation(manifest, 'lockstep.dev/ignore');
  return text === undefined ? [] : parts(text).filter((part) => part !== '');
}

function leavingAlone(one: Desired, ignored: Ignored): Desired {
  const compared: JsonObject = withoutPointed(one.manifest, ignored.pointers);
  return {
    ...one,
    ignored,
    hash: hashValue({ compared, pointers: [...ignored.pointers], managers: [...ignored.managers] }),
  };
}

function ignoredOf({ key, manifest }: Desired, rules: readonly IgnoreRule[], scaled: ReadonlySet<string>): Ignored {
  const fitting = rules.filter((rule) => isFitting(rule, manifest));
  const counted = scaled.has(key) ? ['/spec/replicas'] : [];
  const pointers = [...ownPointers(manifest), ...fitting.flatMap((rule) => rule.pointers), ...counted];
  const managers = fitting.flatMap((rule) => rule.managers);
  return { pointers: [...new Set(pointers)].sort(), managers: [...new Set(managers)].sort() };
}

function isFitting(
  { group, kind, namespace, name }: IgnoreRule,
  { apiVersion, kind: own, metadata }: KubeObject,
): boolean {
  const pairs = [
    [group, groupOf(apiVersion)],
    [kind, own],
    [namespace, metadata.namespace ?? ''],
    [name, metadata.name],
  ] as const;
  return pairs.every(([pattern, text]) => pattern === undefined || fits(pattern, text));
}

/** Whether a text fits a pattern in which `*` stands for anything, in time that grows with their lengths only. */
export function fits(pattern: string, text: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  const last = others.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let from = first.length;
  for (const part of others) {
    const found = text.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return from <= text.length - last.length;
}

/** The keys of the objects whose count an autoscaler among these keeps. */
function scaledKeys(desired: readonly Desired[]): ReadonlySet<string> {
  return new Set(desired.flatMap(({ manifest }) => scaledBy(manifest) ?? []));
}
