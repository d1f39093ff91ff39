import { textAt } from '../../diff/json.ts';
import { maskObject } from '../../diff/mask.ts';
import { expressionsOf, type OwnRule, ruleFor, ruleSet, verdictBy } from '../../health/own-rules.ts';
import { type ByOwner, byOwner, madeKinds, type Owned, ownerTree } from '../../health/owner-tree.ts';
import type { BindingMode, HealthContext } from '../../health/scale.ts';
import { readDelivery } from '../../sync/delivery/delivery.ts';
import { LockstepError } from '../../sync/errors.ts';
import { inParallel } from '../../sync/parallel.ts';
import { arrange, placeable } from '../../sync/plan/order.ts';
import { type KubeObject, keyOf, refOf } from '../../sync/types.ts';
import { type DiscoveredKinds, discoverKinds } from '../kube/discovery.ts';
import type { KubeHttp } from '../kube/http.ts';
import { bindingModesOf } from '../storage-classes.ts';
import { atTarget, connected, readDeliveryObject } from './connection.ts';
import { labelledObjects, listWherever } from './labelled.ts';

/** The live objects of a wave, with what they have made. */
export interface Wave {
  readonly wave: number;
  readonly objects: readonly Owned[];
}

/** A Delivery with its live objects by wave, down to pods. */
export interface DeliveryTree {
  readonly delivery: KubeObject;
  readonly waves: readonly Wave[];
  /** Kinds that could not be listed, and why. */
  readonly unseen: readonly string[];
}

/** The live objects of a Delivery and what they have made, as far as the user who calls may list them. */
export async function treeOf(kubeconfig: string | undefined, namespace: string, name: string): Promise<DeliveryTree> {
  return connected(kubeconfig, async (http) => {
    const delivery = await readDeliveryObject(http, namespace, name);
    const target = textAt(delivery, 'spec', 'target', 'namespace') ?? namespace;
    return atTarget(http, delivery, async ({ target: there }) => {
      const kinds = await discoverKinds(there);
      const unseen: string[] = [];
      const tell = (kind: string): void => void unseen.push(kind);
      const managed = await labelledObjects(there, kinds, delivery.metadata.uid ?? '', target, tell);
      const made = await madeIn(there, kinds, managed, target);
      const bindingMode = await bindingModeIn(there, kinds, managed);
      const context = { ...(await healthWith(rulesOf(delivery))), bindingMode };
      return { delivery, unseen, waves: wavesOf(managed, made, context) };
    });
  });
}

/** Health as it is now, with rules that people wrote; those are evaluated here, by the one who wants to know. */
export async function healthWith(rules: readonly OwnRule[]): Promise<HealthContext> {
  const now = Date.now();
  if (rules.length === 0) return { now };
  // Loaded only where it is used: it takes as long as all the rest.
  const { createEvaluator } = await import('../../health/evaluate.ts');
  const evaluator = createEvaluator();
  const set = ruleSet(rules);
  return {
    now,
    ruled: (object) => {
      const rule = ruleFor(set, object);
      if (rule === undefined) return undefined;
      return verdictBy(rule, evaluator.answer(expressionsOf(rule), { self: maskObject(object) }));
    },
  };
}

/** When the classes of claims bind them, where there are claims and the user may know. */
async function bindingModeIn(
  http: KubeHttp,
  kinds: DiscoveredKinds,
  managed: readonly KubeObject[],
): Promise<(name: string) => BindingMode | undefined> {
  const resource = kinds.find('storage.k8s.io/v1', 'StorageClass');
  const isAsked = managed.some(({ kind }) => kind === 'PersistentVolumeClaim') && resource !== undefined;
  const modes = bindingModesOf(isAsked ? await listWherever(http, resource, '', '') : []);
  return (name) => modes.get(name);
}

/** The rules of a Delivery; none where it can't be read: its status tells why. */
function rulesOf(delivery: KubeObject): readonly OwnRule[] {
  try {
    return readDelivery(delivery).rules;
  } catch (error) {
    if (error instanceof LockstepError) return [];
    throw error;
  }
}

/** Everything that workloads have made in the namespaces of the managed objects. */
async function madeIn(
  http: KubeHttp,
  kinds: DiscoveredKinds,
  managed: readonly KubeObject[],
  target: string,
): Promise<ByOwner> {
  const namespaces = new Set([target, ...managed.flatMap(({ metadata }) => metadata.namespace ?? [])]);
  const resources = madeKinds.flatMap(({ apiVersion, kind }) => kinds.find(apiVersion, kind) ?? []);
  const lists = await inParallel(resources, resources.length, (resource) => listWherever(http, resource, target, ''));
  return byOwner(lists.flat().filter(({ metadata }) => namespaces.has(metadata.namespace ?? '')));
}

function wavesOf(managed: readonly KubeObject[], made: ByOwner, context: HealthContext): Wave[] {
  const places = arrange(managed.map(placeable));
  const sorted = managed
    .map((object, index) => ({ object, wave: places[index]?.wave ?? 0 }))
    .toSorted((a, b) => a.wave - b.wave || (keyOf(refOf(a.object)) < keyOf(refOf(b.object)) ? -1 : 1));
  return [...Map.groupBy(sorted, ({ wave }) => wave)].map(([wave, all]) => ({
    wave,
    objects: all.map(({ object }) => ownerTree(object, made, context)),
  }));
}
