import { objectsAt, textAt } from '../../diff/json.ts';
import type { KubeObject } from '../../sync/types.ts';
import type { Files } from './model/git.ts';
import type { Random } from './random.ts';

/** What must never be seen in anything that an agent says. */
export const canary = 'canary-7f3a9c2e';

/** One object that a commit wants. */
export interface Wanted {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Its identity in the namespace `shop`. */
  readonly key: string;
  readonly wave: number;
  /** What its data, or its image, shall be. */
  readonly value: string;
  readonly isHook: boolean;
}

export interface Content {
  readonly files: Files;
  readonly wanted: readonly Wanted[];
  readonly isBad: boolean;
  readonly isUnreadable: boolean;
}

type Made = readonly [file: string, text: string, wanted: Wanted];

function made(
  apiVersion: string,
  kind: string,
  name: string,
  body: string,
  more: Omit<Wanted, 'apiVersion' | 'kind' | 'name' | 'key'>,
  annotations: string,
): Made {
  const group = apiVersion === 'v1' ? '' : apiVersion.split('/', 1)[0];
  const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}, annotations: {${annotations}}}\n${body}\n`;
  return [`${name}.yaml`, text, { apiVersion, kind, name, key: `${group}/${kind}/shop/${name}`, ...more }];
}

const waveOf = (wave: number): string => `lockstep.dev/wave: "${wave}"`;

function configMap(name: string, wave: number, value: string, field = 'value'): Made {
  return made('v1', 'ConfigMap', name, `data: {"${field}": "${value}"}`, { wave, value, isHook: false }, waveOf(wave));
}

function deployment(name: string, wave: number, image: string): Made {
  const pod = `{metadata: {labels: {app: ${name}}}, spec: {containers: [{name: main, image: "${image}"}]}}`;
  const spec = `spec: {replicas: 2, selector: {matchLabels: {app: ${name}}}, template: ${pod}}`;
  return made('apps/v1', 'Deployment', name, spec, { wave, value: image, isHook: false }, waveOf(wave));
}

/** A Job whose pod fails where that is asked for. */
function hook(phase: string, value: string, fails: boolean): Made {
  const marks = fails ? `test.lockstep.dev/pod: ${failing}` : '';
  const pod = `{metadata: {annotations: {${marks}}}, spec: {restartPolicy: Never, containers: [{name: main, image: "job:${value}"}]}}`;
  const more = { wave: phase === 'PreSync' ? -1 : 9, value: `job:${value}`, isHook: true };
  const body = `spec: {backoffLimit: 0, template: ${pod}}`;
  return made('batch/v1', 'Job', `hook-${phase.toLowerCase()}`, body, more, `lockstep.dev/hook: ${phase}`);
}

/** What the pod of a Job is annotated with that fails. */
export const failing = 'fail';

function secret(value: string): Made {
  const password = `${canary}-${value}`;
  const more = { wave: 0, value: Buffer.from(password).toString('base64'), isHook: false };
  return made('v1', 'Secret', 'login', `stringData: {password: "${password}"}`, more, waveOf(0));
}

/** What tells one content of an object from another. */
export function valueIn(object: KubeObject): string | undefined {
  return (
    textAt(object, 'data', 'value') ??
    textAt(object, 'data', 'password') ??
    textAt(objectsAt(object, 'spec', 'template', 'spec', 'containers')[0], 'image')
  );
}

/** How a commit is meant to fail. */
const failures = ['image', 'image', 'hook', 'refused', 'unreadable'] as const;

/**
 * A commit by chance, of less than ten objects, so that the guard against mass deletion stays out of it: some of five ConfigMaps in three waves, two Deployments, a Secret, hooks.
 * @param number makes its values its own
 */
export function contentBy(random: Random, number: number, isBad: boolean): Content {
  const failure = isBad ? random.one([...failures]) : undefined;
  const value = `v${number}`;
  const all = [...plainObjects(random, value, failure === 'image'), ...specials(random, value, failure)];
  const files = Object.fromEntries(all.map(([name, text]) => [name, text]));
  const isUnreadable = failure === 'unreadable';
  return {
    files: { ...files, ...(isUnreadable ? { 'broken.yaml': `{: ${value}` } : {}) },
    wanted: all.map(([, , one]) => one),
    isBad,
    isUnreadable,
  };
}

/** Some objects are the same in many commits; the first one tells each commit from all others. */
function plainObjects(random: Random, value: string, isBad: boolean): Made[] {
  const maybe = (): string => (random.percent(50) ? value : 'same');
  const all: Made[] = [configMap('c0', 0, value)];
  for (let index = 1; index < 5; index += 1)
    if (index < 2 || random.percent(60)) all.push(configMap(`c${index}`, index % 3, maybe()));
  all.push(deployment('web', 1, isBad ? `app:bad-${value}` : `app:${maybe()}`));
  if (random.percent(40)) all.push(deployment('late', 2, `app:${maybe()}`));
  if (random.percent(50)) all.push(secret(maybe()));
  return all;
}

function specials(random: Random, value: string, failure: string | undefined): Made[] {
  const phase = random.one(['PreSync', 'PostSync']);
  if (failure === 'hook') return [hook(phase, value, true)];
  if (failure === 'refused') return [configMap('odd', random.upTo(3), value, 'not valid!')];
  return random.percent(30) ? [hook(phase, value, false)] : [];
}
