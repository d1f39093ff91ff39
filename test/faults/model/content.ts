import type { Random } from '../random.ts';
import type { Files } from './git.ts';

/** What must never be seen in anything that an agent says. */
export const canary = 'canary-7f3a9c2e';

/** One object that a commit wants. */
export interface Wanted {
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

const waveOf = (wave: number): string => `annotations: {lockstep.dev/wave: "${wave}"}`;

function configMap(name: string, wave: number, value: string): [string, string, Wanted] {
  const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, ${waveOf(wave)}}\ndata: {value: "${value}"}\n`;
  return [`${name}.yaml`, text, { key: `/ConfigMap/shop/${name}`, wave, value, isHook: false }];
}

function deployment(name: string, wave: number, image: string): [string, string, Wanted] {
  const pod = `{metadata: {labels: {app: ${name}}}, spec: {containers: [{name: main, image: "${image}"}]}}`;
  const spec = `{replicas: 2, selector: {matchLabels: {app: ${name}}}, template: ${pod}}`;
  const text = `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}, ${waveOf(wave)}}\nspec: ${spec}\n`;
  return [`${name}.yaml`, text, { key: `apps/Deployment/shop/${name}`, wave, value: image, isHook: false }];
}

function hook(phase: string, image: string): [string, string, Wanted] {
  const name = `hook-${phase.toLowerCase()}`;
  const pod = `{spec: {restartPolicy: Never, containers: [{name: main, image: "${image}"}]}}`;
  const text = `apiVersion: batch/v1\nkind: Job\nmetadata: {name: ${name}, annotations: {lockstep.dev/hook: ${phase}}}\nspec: {template: ${pod}}\n`;
  const wave = phase === 'PreSync' ? -1 : 9;
  return [`${name}.yaml`, text, { key: `batch/Job/shop/${name}`, wave, value: image, isHook: true }];
}

function secret(value: string): [string, string, Wanted] {
  const text = `apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: "${canary}-${value}"}\n`;
  const data = Buffer.from(`${canary}-${value}`).toString('base64');
  return ['login.yaml', text, { key: '/Secret/shop/login', wave: 0, value: data, isHook: false }];
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
  const made = [...plainObjects(random, value, failure === 'image'), ...specials(random, value, failure)];
  const files = Object.fromEntries(made.map(([name, text]) => [name, text]));
  const isUnreadable = failure === 'unreadable';
  return {
    files: { ...files, ...(isUnreadable ? { 'broken.yaml': `{: ${value}` } : {}) },
    wanted: made.map(([, , one]) => one),
    isBad,
    isUnreadable,
  };
}

type Made = [string, string, Wanted];

/** Some objects are the same in many commits; the first one tells each commit from all others. */
function plainObjects(random: Random, value: string, isBad: boolean): Made[] {
  const maybe = (): string => (random.percent(50) ? value : 'same');
  const made: Made[] = [configMap('c0', 0, value)];
  for (let index = 1; index < 5; index += 1)
    if (index < 2 || random.percent(60)) made.push(configMap(`c${index}`, index % 3, maybe()));
  made.push(deployment('web', 1, isBad ? `app:bad-${value}` : `app:${maybe()}`));
  if (random.percent(40)) made.push(deployment('late', 2, `app:${maybe()}`));
  if (random.percent(50)) made.push(secret(maybe()));
  return made;
}

function specials(random: Random, value: string, failure: string | undefined): Made[] {
  const phase = random.one(['PreSync', 'PostSync']);
  if (failure === 'hook') return [hook(phase, `job:bad-${value}`)];
  if (failure === 'refused') return [configMap('odd', random.upTo(3), `forbidden-${value}`)];
  return random.percent(30) ? [hook(phase, `job:${value}`)] : [];
}
