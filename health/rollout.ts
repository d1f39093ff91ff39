import { at, isObject, type Json, objectsAt, textAt } from '../diff/json.ts';
import { groupOf, type KubeObject } from '../sync/types.ts';

/** How the pods of a workload, and among them those of its newest revision, are found. */
export interface Rollout {
  /** A label selector in the API server's words. */
  readonly selector: string;
  /** The label of pods that names their revision. */
  readonly label: string;
  /** Whether that is the workload's own word for it, that of a ReplicaSet between, or of no matter. */
  readonly by: 'revision' | 'ReplicaSet' | 'all';
}

interface Rolling extends Omit<Rollout, 'selector'> {
  readonly group: string;
}

const rolling = new Map<string, Rolling>([
  ['Deployment', { group: 'apps', label: 'pod-template-hash', by: 'ReplicaSet' }],
  ['StatefulSet', { group: 'apps', label: 'controller-revision-hash', by: 'revision' }],
  ['DaemonSet', { group: 'apps', label: 'pod-template-generation', by: 'revision' }],
  ['ReplicaSet', { group: 'apps', label: '', by: 'all' }],
  ['Job', { group: 'batch', label: '', by: 'all' }],
]);

function rollingOf({ apiVersion, kind }: KubeObject): Rolling | undefined {
  const found = rolling.get(kind);
  return found?.group === groupOf(apiVersion) ? found : undefined;
}

/** Whether an object rolls out pods. */
export function rollsOut(object: KubeObject): boolean {
  return rollingOf(object) !== undefined;
}

/** The rollout of an object; undefined for what has no pods. */
export function rolloutOf(object: KubeObject): Rollout | undefined {
  const found = rollingOf(object);
  if (found === undefined) return undefined;
  const { label, by } = found;
  const isJob = object.kind === 'Job';
  const selector = isJob
    ? `batch.kubernetes.io/job-name=${object.metadata.name}`
    : selectorText(at(object, 'spec', 'selector'));
  return { selector, label, by };
}

/** Whether a workload asks for no pods: there is nothing in its rollout that could fail. */
export function wantsNoPods(workload: KubeObject): boolean {
  return at(workload, 'spec', 'replicas') === 0;
}

/** The newest revision of a live workload, in its own words; undefined where it has none or has not said yet. */
export function revisionOf(live: KubeObject): string | undefined {
  switch (live.kind) {
    case 'Deployment':
      return textAt(live, 'metadata', 'annotations', 'deployment.kubernetes.io/revision');
    case 'StatefulSet':
      return textAt(live, 'status', 'updateRevision');
    case 'DaemonSet':
      return textAt(live, 'metadata', 'annotations', 'deprecated.daemonset.template.generation');
    default:
      return undefined;
  }
}

/** Whether an object belongs to the one with a uid. */
export function isOwnedBy(object: KubeObject, uid: string | undefined): boolean {
  return objectsAt(object, 'metadata', 'ownerReferences').some((owner) => owner['uid'] === uid);
}

/** A LabelSelector as a query has it. */
function selectorText(selector: Json | undefined): string {
  const labels = at(selector, 'matchLabels');
  const pairs = isObject(labels) ? Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`) : [];
  const expressions = objectsAt(selector, 'matchExpressions').map((expression) => {
    const key = textAt(expression, 'key') ?? '';
    const values = expression['values'];
    const list = Array.isArray(values) ? `(${values.join(',')})` : '()';
    switch (expression['operator']) {
      case 'In':
        return `${key} in ${list}`;
      case 'NotIn':
        return `${key} notin ${list}`;
      case 'Exists':
        return key;
      default:
        return `!${key}`;
    }
  });
  return [...pairs, ...expressions].join(',');
}
