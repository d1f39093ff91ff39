import { at, textAt } from '../diff/json.ts';
import { isHandTool } from './apply/filters/conflicts.ts';
import type { FieldConflict } from './errors.ts';
import { groupOf, type KubeObject, keyOf } from './types.ts';

/** Kinds that keep the count of another object, and the kind that they mean where they name none. */
const scalers: Readonly<Record<string, string>> = {
  'autoscaling/HorizontalPodAutoscaler': '',
  'keda.sh/ScaledObject': 'Deployment',
};

/** The key of the object whose count an autoscaler keeps; undefined for all other kinds. */
export function scaledBy(object: KubeObject): string | undefined {
  const fallback = scalers[`${groupOf(object.apiVersion)}/${object.kind}`];
  const target = fallback === undefined ? undefined : at(object, 'spec', 'scaleTargetRef');
  const name = textAt(target, 'name');
  if (fallback === undefined || name === undefined) return undefined;
  const { namespace } = object.metadata;
  const kind = textAt(target, 'kind') ?? fallback;
  const apiVersion = textAt(target, 'apiVersion') ?? 'apps/v1';
  return keyOf({ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) });
}

/** Whether a count may be an autoscaler's: somebody keeps it who is no tool by which people change things by hand. */
export function mayBeScaled(object: KubeObject, conflicts: readonly FieldConflict[]): boolean {
  const isKept = conflicts.some(({ field, manager }) => field === 'spec.replicas' && !isHandTool(manager));
  return isKept && at(object, 'spec', 'replicas') !== undefined;
}
