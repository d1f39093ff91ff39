import { groupOf, type KubeObject, refOf, titleOf } from '../sync/types.ts';
import { customRuleOf } from './custom/table.ts';
import { common } from './first-rules.ts';
import { always } from './kinds/always.ts';
import { apiService } from './kinds/api-service.ts';
import { certificateSigningRequest } from './kinds/certificate-signing-request.ts';
import { cronJob } from './kinds/cron-job.ts';
import { customResourceDefinition } from './kinds/custom-resource-definition.ts';
import { daemonSet } from './kinds/daemon-set.ts';
import { deployment } from './kinds/deployment.ts';
import { gateway } from './kinds/gateway.ts';
import { gatewayPolicy, gatewayRoute } from './kinds/gateway-attached.ts';
import { gatewayClass } from './kinds/gateway-class.ts';
import { generic } from './kinds/generic.ts';
import { horizontalPodAutoscaler } from './kinds/horizontal-pod-autoscaler.ts';
import { ingress } from './kinds/ingress.ts';
import { job } from './kinds/job.ts';
import { namespace } from './kinds/namespace.ts';
import { node } from './kinds/node.ts';
import { persistentVolume } from './kinds/persistent-volume.ts';
import { persistentVolumeClaim } from './kinds/persistent-volume-claim.ts';
import { pod } from './kinds/pod.ts';
import { podDisruptionBudget } from './kinds/pod-disruption-budget.ts';
import { replicaSet } from './kinds/replica-set.ts';
import { service } from './kinds/service.ts';
import { onceAnswered } from './kinds/silence.ts';
import { statefulSet } from './kinds/stateful-set.ts';
import type { HealthContext, HealthRule, Verdict } from './scale.ts';

/** By group and kind, whatever the version. `extensions` is where some kinds of `apps` and `networking.k8s.io` came from. */
const rules: Readonly<Record<string, HealthRule>> = {
  'apps/Deployment': deployment,
  'extensions/Deployment': deployment,
  'apps/ReplicaSet': replicaSet,
  'extensions/ReplicaSet': replicaSet,
  '/ReplicationController': replicaSet,
  'apps/StatefulSet': statefulSet,
  'apps/DaemonSet': daemonSet,
  'extensions/DaemonSet': daemonSet,
  'batch/Job': job,
  'batch/CronJob': cronJob,
  '/Pod': pod,
  '/Node': node,
  '/Namespace': namespace,
  '/Service': service,
  '/PersistentVolume': persistentVolume,
  '/PersistentVolumeClaim': persistentVolumeClaim,
  'networking.k8s.io/Ingress': ingress,
  'extensions/Ingress': ingress,
  'autoscaling/HorizontalPodAutoscaler': horizontalPodAutoscaler,
  'policy/PodDisruptionBudget': podDisruptionBudget,
  'apiextensions.k8s.io/CustomResourceDefinition': customResourceDefinition,
  'apiregistration.k8s.io/APIService': apiService,
  'certificates.k8s.io/CertificateSigningRequest': certificateSigningRequest,
  'gateway.networking.k8s.io/GatewayClass': gatewayClass,
  'gateway.networking.k8s.io/Gateway': gateway,
  'gateway.networking.k8s.io/ListenerSet': gateway,
  'gateway.networking.x-k8s.io/XListenerSet': gateway,
  'gateway.networking.k8s.io/HTTPRoute': gatewayRoute,
  'gateway.networking.k8s.io/GRPCRoute': gatewayRoute,
  'gateway.networking.k8s.io/TLSRoute': gatewayRoute,
  'gateway.networking.k8s.io/TCPRoute': gatewayRoute,
  'gateway.networking.k8s.io/UDPRoute': gatewayRoute,
  'gateway.networking.k8s.io/BackendTLSPolicy': gatewayPolicy,
  'gateway.networking.k8s.io/ReferenceGrant': always,
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
 * The order is that of the design: deletion, lagging controllers, Stalled, Reconciling, rules that people wrote, the kind.
 */
export function healthOf(object: KubeObject, context: HealthContext): Verdict {
  const found =
    common(object, context.ruled) ??
    onceAnswered(context.ruled?.(object) ?? ruleOf(object)(object, context), object, context);
  if (found.message === '') return found;
  return { ...found, message: `${titleOf(refOf(object))}: ${found.message}` };
}

/** The health of an object as it would be if its kind had no rule of its own: what the reference page tells how often that is right. */
export function conventionalHealthOf(object: KubeObject, context: HealthContext): Verdict {
  return common(object) ?? generic(object, context);
}

function ruleOf(object: KubeObject): HealthRule {
  const group = groupOf(object.apiVersion);
  if (alwaysHealthyGroups.has(group)) return always;
  return rules[`${group}/${object.kind}`] ?? customRuleOf(group, object.kind) ?? generic;
}
