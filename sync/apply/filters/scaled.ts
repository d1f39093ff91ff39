import { at, isObject } from '../../../diff/json.ts';
import type { FieldConflict } from '../../errors.ts';
import type { KubeObject } from '../../types.ts';
import { isHandTool } from './conflicts.ts';

/** The field in which workloads have their count. */
const count = 'spec.replicas';

/** Whether a count may be an autoscaler's: somebody keeps it who is no tool by which people change things by hand. */
export function mayBeScaled(object: KubeObject, conflicts: readonly FieldConflict[]): boolean {
  const isKept = conflicts.some(({ field, manager }) => field === count && !isHandTool(manager));
  return isKept && at(object, 'spec', 'replicas') !== undefined;
}

/** An object without its count. */
export function withoutCount(object: KubeObject): KubeObject {
  const { spec } = object;
  if (!isObject(spec)) return object;
  const { replicas: _count, ...others } = spec;
  return { ...object, spec: others };
}
