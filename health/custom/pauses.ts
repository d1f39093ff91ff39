import { at, isObject, textAt } from '../../diff/json.ts';
import { isBuiltIn } from '../../diff/normalize.ts';
import { groupOf, type KubeObject } from '../../sync/types.ts';

/** Fields by which controllers of many projects are asked to stand still. */
const fields = ['suspend', 'suspended', 'paused', 'pause'];
/** Annotations and labels for it, whatever stands before the slash. */
const markers = /\/(?:paused|paused-replicas|pause-reconciliation|pauseReconciliation)$/;

/** How one project is asked in a way of its own. */
interface Pause {
  /** The group, or the end of it. */
  readonly group: string;
  /** Where it is asked. */
  readonly path: readonly string[];
  readonly values: readonly unknown[];
}

const pauses: readonly Pause[] = [
  { group: 'cassandra.datastax.com', path: ['spec', 'stopped'], values: [true] },
  { group: 'k8s.elastic.co', path: ['metadata', 'annotations', 'eck.k8s.elastic.co/managed'], values: ['false'] },
  { group: 'postgresql.cnpg.io', path: ['metadata', 'annotations', 'cnpg.io/hibernation'], values: ['on'] },
  { group: 'postgresql.cnpg.io', path: ['spec', 'pgbouncer', 'paused'], values: [true] },
  { group: 'serving.kserve.io', path: ['metadata', 'annotations', 'serving.kserve.io/stop'], values: ['true'] },
  { group: 'kueue.x-k8s.io', path: ['spec', 'active'], values: [false] },
  { group: 'kueue.x-k8s.io', path: ['spec', 'stopPolicy'], values: ['Hold', 'HoldAndDrain'] },
  { group: 'kafka.strimzi.io', path: ['spec', 'state'], values: ['paused', 'stopped'] },
  { group: 'opentelemetry.io', path: ['spec', 'managementState'], values: ['unmanaged'] },
  { group: 'tekton.dev', path: ['spec', 'status'], values: ['PipelineRunPending'] },
  { group: 'kubevirt.io', path: ['spec', 'runStrategy'], values: ['Halted'] },
  { group: 'kubevirt.io', path: ['spec', 'running'], values: [false] },
  { group: 'flink.apache.org', path: ['spec', 'job', 'state'], values: ['suspended'] },
];

/** Words that say that it still goes on, or that what is asked is refused. */
const isNotYet = /^(?:stopping|pausing|suspending|hibernating|Stopping|Pausing|Suspending|ValidationFailed)$/;

/** Whether a person asked a custom object to stand still, and it does: its controller looks at nothing then. */
export function isPaused(object: KubeObject): boolean {
  // Kinds of Kubernetes itself have rules of their own for this.
  if (isBuiltIn(object.apiVersion) || !isAsked(object)) return false;
  const words = ['phase', 'state', 'jobDeploymentStatus'].map((field) => textAt(object, 'status', field) ?? '');
  return !words.some((word) => isNotYet.test(word));
}

function isAsked(object: KubeObject): boolean {
  if (fields.some((field) => at(object, 'spec', field) === true)) return true;
  if (isMarked(at(object, 'metadata', 'annotations')) || isMarked(at(object, 'metadata', 'labels'))) return true;
  const group = groupOf(object.apiVersion);
  return pauses.some((one) => group.endsWith(one.group) && one.values.includes(at(object, ...one.path)));
}

function isMarked(texts: unknown): boolean {
  if (!isObject(texts)) return false;
  return Object.keys(texts).some((key) => markers.test(key) && textAt(texts, key) !== 'false');
}
