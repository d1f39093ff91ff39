import { hashValue } from '../../diff/hash.ts';
import type { Ignored } from '../../diff/ignore.ts';
import { at, isObject, toJson } from '../../diff/json.ts';
import { normalizeManifest } from '../../diff/normalize.ts';
import { hookProblems } from '../hooks/phases.ts';
import { leftAloneBy } from '../options.ts';
import { orderProblems, placeable, waveProblem } from '../plan/order.ts';
import { stampNames } from '../stamp.ts';
import {
  annotation,
  groupOf,
  isKubeObject,
  type KubeObject,
  keyOf,
  label,
  type ObjectRef,
  type Problem,
  refOf,
  type SourcedObject,
  titleOf,
} from '../types.ts';
import type { Rendered } from './plain.ts';

/** Tells whether a kind lives in namespaces; undefined while nobody serves the kind. */
export type IsNamespaced = (apiVersion: string, kind: string) => boolean | undefined;

/** One object that shall be in the cluster. */
export interface Desired {
  readonly key: string;
  readonly manifest: KubeObject;
  /** A fingerprint of the manifest, without what is left alone. */
  readonly hash: string;
  /** What of it is left alone once it exists. */
  readonly ignored?: Ignored;
}

/** What a revision asks for. With a problem nothing of it may be applied. */
export interface Checked {
  readonly desired: readonly Desired[];
  readonly problems: readonly Problem[];
  /** Objects that Git holds and asks to be left alone. */
  readonly skipped: readonly ObjectRef[];
  /** The scope of some kind is not known, so whether it lives in namespaces was guessed. */
  readonly isGuess: boolean;
  /** Every kind is served now. */
  readonly isServed: boolean;
}

/** An object in the form in which it is sent, and what is wrong with it by itself. */
interface Prepared extends Desired {
  readonly ref: ObjectRef;
  readonly isLeftAlone: boolean;
  readonly problems: readonly string[];
  /** What it was prepared for. */
  readonly namespace: string;
  readonly namespaced: boolean;
}

/** What was prepared before: objects of files that did not change cost nothing. */
export type CheckCache = WeakMap<KubeObject, Prepared>;

/** Kinds that live outside of namespaces and may come before the API server serves them. */
const clusterScoped = new Set(['Namespace', 'CustomResourceDefinition', 'ClusterRole', 'ClusterRoleBinding']);

/**
 * Brings what was rendered into the form in which it is sent, and finds what is wrong with it: all of it, together.
 * A namespaced object without a namespace gets the target's; one outside of namespaces loses a namespace it should not have.
 */
export function check(
  rendered: Rendered,
  targetNamespace: string,
  isNamespaced: IsNamespaced,
  cache: CheckCache = new WeakMap(),
): Checked {
  const problems: Problem[] = [...rendered.problems];
  const scopeOf = createScopes(rendered.objects, isNamespaced);
  const byKey = new Map<string, SourcedObject>();
  const desired: Desired[] = [];
  const skipped: ObjectRef[] = [];
  let [isGuess, isAllServed] = [false, true];
  for (const sourced of rendered.objects) {
    const { namespaced, isServed, isDeclared } = scopeOf(sourced.object);
    const prepared = prepare(sourced.object, targetNamespace, namespaced, cache);
    const { key, ref, isLeftAlone } = prepared;
    const found = [...(isLeftAlone ? [] : prepared.problems), ...duplicateProblem(byKey.get(key), sourced)];
    for (const message of found)
      problems.push({ file: sourced.file, document: sourced.document, object: titleOf(ref), message });
    byKey.set(key, sourced);
    if (isLeftAlone) skipped.push(ref);
    else desired.push(prepared);
    isGuess ||= !isLeftAlone && !isServed && !isDeclared;
    isAllServed &&= isServed;
  }
  problems.push(...orderProblemsOf(desired));
  return { desired, problems, skipped, isGuess, isServed: isAllServed };
}

/** Hardly any revision asks for an order by name; without that nothing can be wrong with it. */
function orderProblemsOf(desired: readonly Desired[]): Problem[] {
  const isAsked = desired.some(({ manifest }) => annotation(manifest, 'config.kubernetes.io/depends-on') !== undefined);
  return isAsked ? orderProblems(desired.map(({ manifest }) => placeable(manifest))) : [];
}

/** The scopes that the CustomResourceDefinitions of this very revision declare. */
function* scopesOfDefinitions(objects: readonly SourcedObject[]): Generator<[string, boolean]> {
  for (const { object } of objects) {
    if (object.kind !== 'CustomResourceDefinition') continue;
    yield [
      `${at(object, 'spec', 'group')}/${at(object, 'spec', 'names', 'kind')}`,
      at(object, 'spec', 'scope') !== 'Cluster',
    ];
  }
}

/** Whether a kind lives in namespaces, and who says so: the API server, or this very revision; otherwise it is a guess. */
interface Scope {
  readonly namespaced: boolean;
  readonly isServed: boolean;
  readonly isDeclared: boolean;
}

/** Tells the scope of objects. Each kind is asked about once, however many objects there are of it. */
function createScopes(objects: readonly SourcedObject[], isNamespaced: IsNamespaced): (object: KubeObject) => Scope {
  const declared = new Map(scopesOfDefinitions(objects));
  const known = new Map<string, Map<string, Scope>>();
  const lookUp = (apiVersion: string, kind: string): Scope => {
    const [own, served] = [declared.get(`${groupOf(apiVersion)}/${kind}`), isNamespaced(apiVersion, kind)];
    const namespaced = own ?? served ?? !clusterScoped.has(kind);
    return { namespaced, isServed: served !== undefined, isDeclared: own !== undefined };
  };
  return ({ apiVersion, kind }) => {
    const kinds = known.get(apiVersion) ?? new Map<string, Scope>();
    const scope = kinds.get(kind) ?? lookUp(apiVersion, kind);
    kinds.set(kind, scope);
    known.set(apiVersion, kinds);
    return scope;
  };
}

function prepare(object: KubeObject, namespace: string, namespaced: boolean, cache: CheckCache): Prepared {
  const known = cache.get(object);
  if (known !== undefined && known.namespace === namespace && known.namespaced === namespaced) return known;
  const manifest = placed(object, namespace, namespaced);
  const ref = refOf(manifest);
  const prepared: Prepared = {
    key: keyOf(ref),
    ref,
    manifest,
    hash: hashValue(manifest),
    isLeftAlone: leftAloneBy(manifest) !== undefined,
    problems: problemsOf(manifest),
    namespace,
    namespaced,
  };
  cache.set(object, prepared);
  return prepared;
}

function placed(object: KubeObject, namespace: string, namespaced: boolean): KubeObject {
  const normalized = normalizeManifest(object);
  if (!isKubeObject(normalized)) return object;
  const { namespace: own, ...metadata } = normalized.metadata;
  if (!namespaced) return { ...normalized, metadata: metadata as KubeObject['metadata'] };
  return { ...normalized, metadata: { ...metadata, name: normalized.metadata.name, namespace: own ?? namespace } };
}

function problemsOf(manifest: KubeObject): string[] {
  const stamps = stampNames
    .filter((name) => label(manifest, name) !== undefined || annotation(manifest, name) !== undefined)
    .map((name) => `${name} is set by Lockstep itself; remove it from Git`);
  // What else a name may be depends on the kind, and the API server says so; this could not even stand in a path, or would
  // look like another name.
  const isNamed = /^(?!\.{0,2}$)[^/%\p{Cc}\p{Bidi_Control}\u200b\ufeff]+$/u.test(manifest.metadata.name);
  const wave = waveProblem(manifest);
  const name = isNamed ? [] : ['metadata.name is no valid name'];
  return [
    ...stamps,
    ...name,
    ...textProblems(manifest, 'labels'),
    ...textProblems(manifest, 'annotations'),
    ...secretProblems(manifest),
    ...hookProblems(manifest),
    ...(wave === undefined ? [] : [wave]),
    ...sizeProblems(manifest),
  ];
}

/** What the API server stores of one object, and of its annotations, in bytes. A dry-run does not find the first out. */
const [mostBytes, mostAnnotationBytes] = [1_500_000, 262_144];

function sizeProblems(manifest: KubeObject): string[] {
  const bytes = Buffer.byteLength(toJson(manifest));
  const annotations = at(manifest, 'metadata', 'annotations');
  const annotationBytes = isObject(annotations)
    ? Object.entries(annotations).reduce((sum, [key, value]) => sum + Buffer.byteLength(`${key}${value}`), 0)
    : 0;
  return [
    ...(bytes > mostBytes ? [`is ${bytes} bytes; the API server stores at most ${mostBytes} of one object`] : []),
    ...(annotationBytes > mostAnnotationBytes
      ? [`metadata.annotations are ${annotationBytes} bytes; the API server takes at most ${mostAnnotationBytes}`]
      : []),
  ];
}

/** Labels and annotations are text only; YAML makes numbers and booleans of what is not quoted. */
function textProblems(manifest: KubeObject, field: 'labels' | 'annotations'): string[] {
  const map = at(manifest, 'metadata', field);
  if (map === undefined) return [];
  if (!isObject(map)) return [`metadata.${field} is no map`];
  return Object.entries(map).flatMap(([key, value]) =>
    typeof value === 'string' ? [] : [`metadata.${field}.${key} is no text; put it in quotes`],
  );
}

/** The API server takes text only here; a number or boolean would be stored as something that nobody wrote. */
function secretProblems(manifest: KubeObject): string[] {
  const texts = manifest.kind === 'Secret' && manifest.apiVersion === 'v1' ? manifest['stringData'] : undefined;
  if (texts === undefined) return [];
  if (!isObject(texts)) return ['stringData is no map'];
  return Object.keys(texts).map((key) => `stringData.${key} is no text; put it in quotes`);
}

/** Two that are both left alone harm nobody. */
function duplicateProblem(earlier: SourcedObject | undefined, later: SourcedObject): string[] {
  if (earlier === undefined || (leftAloneBy(earlier.object) !== undefined && leftAloneBy(later.object) !== undefined))
    return [];
  return [`is declared twice; the first is in ${earlier.file} (document ${earlier.document})`];
}
