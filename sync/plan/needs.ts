import { at, isObject, type Json, type JsonObject, objectsAt, textAt } from '../../diff/json.ts';
import type { Entry } from '../release/record.ts';
import { type KubeObject, keyOf, titleOf } from '../types.ts';
import { keepReason } from './prune.ts';

/** A ConfigMap or Secret that pods can't start without. */
interface Need {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
}

/** Workloads that the target wants, while what their pods can't start without is on the list of what is to be pruned. */
export function missingNeeds(entries: readonly Entry[]): string[] {
  return leavingNeeds(entries).map(
    ({ by, kind, name }) => `${titleOf(by.ref)} still needs the ${kind} ${name}, which this revision no longer has`,
  );
}

/** The keys of what is on the list of what is to be pruned while pods can't start without it. */
export function stillNeeded(entries: readonly Entry[]): ReadonlySet<string> {
  return new Set(leavingNeeds(entries).map(({ key }) => key));
}

function leavingNeeds(entries: readonly Entry[]): (Need & { readonly key: string; readonly by: Entry })[] {
  const isLeaving = ({ removed, manifest }: Entry): boolean => removed && keepReason(manifest) === undefined;
  const leaving = new Set(entries.filter(isLeaving).map(({ key }) => key));
  if (leaving.size === 0) return [];
  return entries.flatMap((by) => {
    if (by.removed) return [];
    const namespace = by.ref.namespace ?? '';
    return needsOf(by.manifest)
      .map((need) => ({ ...need, by, key: keyOf({ apiVersion: 'v1', kind: need.kind, name: need.name, namespace }) }))
      .filter(({ key }) => leaving.has(key));
  });
}

/** What the pods of an object can't start without. */
function needsOf(manifest: KubeObject): Need[] {
  const spec = podSpecOf(manifest);
  if (spec === undefined) return [];
  const containers = [...objectsAt(spec, 'initContainers'), ...objectsAt(spec, 'containers')];
  const pullSecrets = objectsAt(spec, 'imagePullSecrets').flatMap((secret) => need('Secret', secret, 'name'));
  const volumes = objectsAt(spec, 'volumes').flatMap(needsOfVolume);
  return [...containers.flatMap(needsOfContainer), ...volumes, ...pullSecrets];
}

function podSpecOf(manifest: KubeObject): JsonObject | undefined {
  const spec =
    manifest.kind === 'Pod'
      ? manifest['spec']
      : (at(manifest, 'spec', 'template', 'spec') ?? at(manifest, 'spec', 'jobTemplate', 'spec', 'template', 'spec'));
  return isObject(spec) ? spec : undefined;
}

function needsOfContainer(container: JsonObject): Need[] {
  const single = objectsAt(container, 'env').flatMap((env) => [
    ...need('ConfigMap', at(env, 'valueFrom', 'configMapKeyRef'), 'name'),
    ...need('Secret', at(env, 'valueFrom', 'secretKeyRef'), 'name'),
  ]);
  const whole = objectsAt(container, 'envFrom').flatMap((from) => [
    ...need('ConfigMap', from['configMapRef'], 'name'),
    ...need('Secret', from['secretRef'], 'name'),
  ]);
  return [...single, ...whole];
}

function needsOfVolume(volume: JsonObject): Need[] {
  const projected = objectsAt(volume, 'projected', 'sources').flatMap((source) => [
    ...need('ConfigMap', source['configMap'], 'name'),
    ...need('Secret', source['secret'], 'name'),
  ]);
  return [
    ...need('ConfigMap', volume['configMap'], 'name'),
    ...need('Secret', volume['secret'], 'secretName'),
    ...projected,
  ];
}

function need(kind: Need['kind'], source: Json | undefined, field: string): Need[] {
  const name = textAt(source, field);
  return name === undefined || at(source, 'optional') === true ? [] : [{ kind, name }];
}
