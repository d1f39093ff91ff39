import type { Static, TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { at, numberAt, textAt } from '../../diff/json.ts';
import type { Metric } from '../../health/analysis.ts';
import type { OwnRule } from '../../health/own-rules.ts';
import { type SignalTimes, signalDefaults } from '../../health/signals.ts';
import { LockstepError } from '../errors.ts';
import { type IgnoreRule, pointerProblem } from '../render/ignored.ts';
import { annotation, type KubeObject } from '../types.ts';
import { type Window, windowProblem } from '../windows.ts';
import { readMetrics } from './analysis.ts';
import { parseDuration } from './duration.ts';
import { ownRule } from './health-rule.ts';
import { type DeliverySpec, deliverySpec, type IgnoreSpec, type WindowSpec } from './schema.ts';
import { deliverySpecOf, readSet, type SetSettings } from './set.ts';
import { deliverySetSpec } from './set-schema.ts';
import { noSource, type RenderSpecs, renderSpecs, type SourceSettings, sourceSettings } from './source.ts';

/** The annotation by which people ask for something: `sync@<id>`, `rollback@<id> to=<revision> by=<name>`. */
export const requestAnnotation = 'lockstep.dev/request';

/** A request of a person: each id is carried out once. */
export interface Request {
  readonly verb: string;
  /** Who asks, as far as that was said. */
  readonly by: string | undefined;
  /** The revision, or the number of a release, that is asked for. */
  readonly to: string | undefined;
  /** The plan that is to be carried out, and no other. */
  readonly plan: string | undefined;
  /** The whole text, as it is acknowledged in the status. */
  readonly text: string;
}

/** A Delivery, read and checked. Durations are in milliseconds. */
export interface Delivery extends SourceSettings, RenderSpecs {
  readonly kind: 'Delivery' | 'DeliverySet';
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  /** What makes its manifests, where it is a set. */
  readonly set: SetSettings | undefined;
  readonly targetNamespace: string;
  readonly serviceAccount: string;
  /** The Secret that leads to another cluster, where that is the target. */
  readonly kubeconfig: string | undefined;
  /** Whether a new tip is released by itself, or when somebody asks for it. */
  readonly mode: 'auto' | 'manual';
  /** Whether each plan needs a person who approves it. */
  readonly approval: 'none' | 'required';
  /** When releases may start. */
  readonly windows: readonly Window[];
  /** The Deliveries that must be good first, as `shop/web`. */
  readonly dependsOn: readonly string[];
  readonly prune: boolean;
  readonly selfHeal: boolean;
  readonly adopt: boolean;
  readonly restartOnConfigChange: boolean;
  /** What is left alone of which objects. */
  readonly ignore: readonly IgnoreRule[];
  /** How long a wave may go without progress. */
  readonly deadline: number;
  /** How long a changed workload must stay healthy. */
  readonly steady: number;
  /** How long a release is watched beyond that. */
  readonly bake: number;
  readonly signals: SignalTimes;
  /** Rules for the health of kinds, as far as their expressions can be told apart: they are compiled elsewhere. */
  readonly rules: readonly OwnRule[];
  /** What a release is measured by before it is good. */
  readonly analysis: readonly Metric[];
  readonly rollback: {
    readonly mode: 'auto' | 'manual' | 'off';
    readonly onFirstFailure: 'keep' | 'delete';
    readonly probation: number;
  };
  /** How many releases history keeps. */
  readonly history: number;
  readonly deletionPolicy: 'delete' | 'orphan';
  readonly suspended: boolean;
  readonly deleting: boolean;
  /** When it was deleted, in milliseconds. */
  readonly deletedAt: number | undefined;
  readonly request: Request | undefined;
  readonly acknowledged: string | undefined;
}

/** How a Delivery is named in logs and on what it owns: `shop/web`. */
export function nameOf(delivery: Delivery): string {
  return `${delivery.namespace}/${delivery.name}`;
}

/** What it is told from others by, in any repository. */
export function ownName({ kind, namespace, name }: Delivery): string {
  return `${kind} ${namespace}/${name}`;
}

/**
 * Reads a Delivery as the API server stores it. One that is being deleted is read whatever its source says, so that a
 * mistake in the spec never keeps it from going.
 * @throws LockstepError InvalidSpec, InvalidRule, SourceUnsupported; one bad Delivery never concerns another
 */
export function readDelivery(object: KubeObject): Delivery {
  if (object.kind === 'DeliverySet') return readDeliverySet(object);
  const identity = identityFields(object);
  const spec = checked(deliverySpec, at(object, 'spec'));
  const others = { ...settings(spec, identity.namespace), set: undefined };
  if (identity.deleting) return { ...identity, ...others, ...noSource, ...noRules };
  const rules = (spec.health?.rules ?? []).map((rule, index) => ownRule(rule, `spec.health.rules[${index}]`));
  const analysis = readMetrics(spec.health?.analysis ?? [], others.bake);
  const windows = (spec.sync?.windows ?? []).map(readWindow);
  const ignore = (spec.sync?.ignore ?? []).map(ignoreRule);
  return { ...identity, ...others, ...sourceSettings(spec), ...renderSpecs(spec), rules, analysis, windows, ignore };
}

/** A set is delivered as a Delivery is: what it makes are the manifests. @throws LockstepError InvalidSpec */
function readDeliverySet(object: KubeObject): Delivery {
  const identity = identityFields(object);
  const spec = checked(deliverySetSpec, at(object, 'spec'));
  const others = settings(deliverySpecOf(spec), identity.namespace);
  const whole = { ...identity, ...others, ...noSource, ...noRules, url: `set:${identity.uid}` };
  if (identity.deleting) return { ...whole, set: undefined };
  return { ...whole, set: readSet(spec), interval: Math.max(1000, parseDuration(spec.interval ?? '60s')) };
}

/** @throws LockstepError InvalidSpec, that names the first field that is wrong */
function checked<T extends TSchema>(schema: T, spec: unknown): Static<T> {
  if (Value.Check(schema, spec)) return spec;
  const first = Value.Errors(schema, spec).First();
  const where = `spec${(first?.path ?? '').replaceAll('/', '.')}`;
  throw new LockstepError('InvalidSpec', `${where}: ${first?.message ?? 'is not valid'}`);
}

function identityFields(object: KubeObject) {
  const text = annotation(object, requestAnnotation);
  const deletion = textAt(object, 'metadata', 'deletionTimestamp');
  return {
    kind: object.kind === 'DeliverySet' ? ('DeliverySet' as const) : ('Delivery' as const),
    uid: object.metadata.uid ?? '',
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    generation: numberAt(object, 'metadata', 'generation') ?? 0,
    deleting: deletion !== undefined,
    deletedAt: deletion === undefined ? undefined : Date.parse(deletion),
    request: text === undefined ? undefined : parseRequest(text),
    acknowledged: textAt(object, 'status', 'lastRequest'),
  };
}

/**
 * A request as it is written. Spaces would end a word.
 * @param id tells it from every other one
 */
export function formatRequest(verb: string, id: string, by: string, more: { to?: string; plan?: string } = {}): string {
  const words = [`${verb}@${id}`, `by=${by.replaceAll(/\s/g, '_')}`];
  return [...words, ...Object.entries(more).map(([name, value]) => `${name}=${value}`)].join(' ');
}

/** The guard reads the verb as well: what is not written just so is no request. */
const wellFormed = /^[a-z]+@\S+( \S+)*$/;

/** `verb@id`, and after it words such as `by=ada`. */
function parseRequest(text: string): Request {
  const [head = '', ...words] = wellFormed.test(text) ? text.split(' ') : [];
  const word = (name: string): string | undefined =>
    words.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) || undefined;
  return { verb: head.split('@', 1)[0] ?? '', by: word('by'), to: word('to'), plan: word('plan'), text };
}

/** What may be wrong in a spec, and a Delivery on its way out does not need. */
const noRules = { rules: [], analysis: [], windows: [], ignore: [] };
function settings(spec: DeliverySpec, namespace: string) {
  const { target, sync } = spec;
  return {
    targetNamespace: target?.namespace ?? namespace,
    serviceAccount: target?.serviceAccountName ?? 'lockstep',
    kubeconfig: target?.kubeconfigSecretRef?.name,
    ...syncSettings(sync ?? {}),
    deadline: Math.max(1_000, parseDuration(spec.health?.deadline ?? '10m')),
    steady: parseDuration(spec.health?.steady ?? '5s'),
    bake: parseDuration(spec.health?.bake ?? '0s'),
    signals: signalTimes(spec.health?.signals ?? {}),
    rollback: {
      mode: spec.rollback?.mode ?? ('auto' as const),
      onFirstFailure: spec.rollback?.onFirstFailure ?? ('keep' as const),
      probation: parseDuration(spec.rollback?.probation ?? '60s'),
    },
    dependsOn: (spec.dependsOn ?? []).map((other) => `${other.namespace ?? namespace}/${other.name}`),
    history: spec.history ?? 10,
    deletionPolicy: spec.deletionPolicy ?? ('delete' as const),
    suspended: spec.suspend ?? false,
  };
}

/** @throws LockstepError InvalidSpec */
function readWindow(
  { kind = 'allow', schedule, duration, timeZone = 'UTC', manualSync = false }: WindowSpec,
  index: number,
): Window {
  const window = { kind, schedule, duration: parseDuration(duration), timeZone, manualSync };
  const problem = windowProblem(window);
  if (problem !== undefined) throw new LockstepError('InvalidSpec', `spec.sync.windows[${index}].${problem}`);
  return window;
}

function syncSettings({
  mode = 'auto',
  approval = 'none',
  prune = true,
  selfHeal = true,
  adopt = false,
  restartOnConfigChange = false,
}: NonNullable<DeliverySpec['sync']>) {
  return {
    mode,
    approval,
    prune,
    selfHeal,
    adopt,
    restartOnConfigChange,
  };
}

/** @throws LockstepError InvalidSpec */
function ignoreRule(
  { group, kind, namespace, name, jsonPointers: pointers = [], managedFieldsManagers: managers = [] }: IgnoreSpec,
  index: number,
): IgnoreRule {
  const isEmpty = pointers.length + managers.length === 0;
  const wrong = isEmpty
    ? 'names neither jsonPointers nor managedFieldsManagers'
    : pointers.map(pointerProblem).find((problem) => problem !== undefined);
  if (wrong !== undefined) throw new LockstepError('InvalidSpec', `spec.sync.ignore[${index}]: ${wrong}`);
  return { group, kind, namespace, name, pointers, managers };
}

/** `off` never fails a release, and `at-once` needs no time. */
function signalTimes(asked: Readonly<Record<string, string | undefined>>): SignalTimes {
  const times = Object.entries(signalDefaults).map(([name, fallback]) => [name, timeOf(asked[name], fallback)]);
  return Object.fromEntries(times) as SignalTimes;
}

function timeOf(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (text === 'off') return Number.POSITIVE_INFINITY;
  return text === 'at-once' ? 0 : parseDuration(text);
}
