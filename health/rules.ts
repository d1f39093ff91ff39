import { at, numberAt, objectsAt } from '../diff/json.ts';
import { isBuiltIn } from '../diff/normalize.ts';
import { isHealthIgnored } from '../sync/options.ts';
import { groupOf, type Health, type KubeObject, refOf, titleOf } from '../sync/types.ts';
import { condition, explain } from './kinds/conditions.ts';
import { cronJob } from './kinds/cron-job.ts';
import { customResourceDefinition } from './kinds/custom-resource-definition.ts';
import { daemonSet } from './kinds/daemon-set.ts';
import { deployment } from './kinds/deployment.ts';
import { generic } from './kinds/generic.ts';
import { job } from './kinds/job.ts';
import { persistentVolumeClaim } from './kinds/persistent-volume-claim.ts';
import { pod } from './kinds/pod.ts';
import { replicaSet } from './kinds/replica-set.ts';
import { service } from './kinds/service.ts';
import { statefulSet } from './kinds/stateful-set.ts';
import { always, apiService, ingress, namespace } from './kinds/words.ts';
import { degraded, type HealthContext, type HealthRule, healthy, progressing, suspended } from './scale.ts';

const rules: Readonly<Record<string, HealthRule>> = {
  'apps/Deployment': deployment,
  'apps/ReplicaSet': replicaSet,
  'apps/StatefulSet': statefulSet,
  'apps/DaemonSet': daemonSet,
  'batch/Job': job,
  'batch/CronJob': cronJob,
  '/Pod': pod,
  '/Service': service,
  '/PersistentVolumeClaim': persistentVolumeClaim,
  '/Namespace': namespace,
  'networking.k8s.io/Ingress': ingress,
  'apiextensions.k8s.io/CustomResourceDefinition': customResourceDefinition,
  'apiregistration.k8s.io/APIService': apiService,
  '/ConfigMap': always,
  '/Secret': always,
  '/ServiceAccount': always,
  '/ResourceQuota': always,
  '/LimitRange': always,
};

/** Groups whose kinds have no health of their own: they work as soon as they exist. */
const alwaysHealthyGroups = new Set([
  'rbac.authorization.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'node.k8s.io',
  'coordination.k8s.io',
]);

/**
 * The health of an object: one word, a stable reason and one sentence that names the object.
 * The order of the common rules is that of the design: deletion, lagging controllers, Stalled, Reconciling, the kind.
 */
export function healthOf(object: KubeObject, context: HealthContext): Health {
  const found = common(object) ?? ruleOf(object)(object, context);
  if (found.message === '') return found;
  return { ...found, message: `${titleOf(refOf(object))}: ${found.message}` };
}

function ruleOf(object: KubeObject): HealthRule {
  const group = groupOf(object.apiVersion);
  if (alwaysHealthyGroups.has(group)) return always;
  return rules[`${group}/${object.kind}`] ?? generic;
}

function common(object: KubeObject): Health | undefined {
  if (isHealthIgnored(object)) return healthy('Ignored');
  if (at(object, 'metadata', 'deletionTimestamp') !== undefined) return progressing('Terminating', 'is being deleted');
  if (isPausedCustom(object)) return suspended('Suspended', 'is suspended');
  if (lags(object)) return progressing('GenerationLag', 'its controller has not seen the last change yet');
  const stalled = condition(object, 'Stalled');
  if (stalled?.status === 'True') return degraded('Stalled', explain(stalled));
  const reconciling = condition(object, 'Reconciling');
  if (reconciling?.status === 'True') return progressing('Reconciling', explain(reconciling));
  return undefined;
}

/** A custom kind that is asked to stand still: its controller looks at nothing, not even at its generation. */
function isPausedCustom(object: KubeObject): boolean {
  return !isBuiltIn(object.apiVersion) && at(object, 'spec', 'suspend') === true;
}

/** Some controllers write observedGeneration as text; -1 and the like mean "none seen". */
function lags(object: KubeObject): boolean {
  const observed = at(object, 'status', 'observedGeneration');
  const generation = numberAt(object, 'metadata', 'generation');
  if (generation === undefined) return false;
  if (observed !== undefined && observed !== null) return Number(observed) < generation;
  return newestSeen(object) < generation;
}

/** Kinds such as those of the Gateway API say in each condition which generation it is about. */
function newestSeen(object: KubeObject): number {
  const seen = objectsAt(object, 'status', 'conditions').flatMap((one) => numberAt(one, 'observedGeneration') ?? []);
  return seen.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...seen);
}
