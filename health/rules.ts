import { at, numberAt } from '../diff/json.ts';
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
import { degraded, type HealthContext, type HealthRule, healthy, progressing } from './scale.ts';

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
  if (lags(object)) return progressing('GenerationLag', 'its controller has not seen the last change yet');
  const stalled = condition(object, 'Stalled');
  if (stalled?.status === 'True') return degraded('Stalled', explain(stalled));
  const reconciling = condition(object, 'Reconciling');
  if (reconciling?.status === 'True') return progressing('Reconciling', explain(reconciling));
  return undefined;
}

/** Some controllers write observedGeneration as text; -1 and the like mean "none seen". */
function lags(object: KubeObject): boolean {
  const observed = at(object, 'status', 'observedGeneration');
  const generation = numberAt(object, 'metadata', 'generation');
  if (observed === undefined || observed === null || generation === undefined) return false;
  return Number(observed) < generation;
}
