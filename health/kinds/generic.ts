import { at, isObject, objectsAt, textAt } from '../../diff/json.ts';
import { isBuiltIn } from '../../diff/normalize.ts';
import { isDeliveryManager } from '../../sync/stamp.ts';
import type { Health, KubeObject } from '../../sync/types.ts';
import { degraded, type HealthContext, healthy, progressing } from '../scale.ts';
import { type Condition, condition, explain } from './conditions.ts';

const goodConditions = ['Ready', 'Available', 'Succeeded', 'Established'];

/** Reasons that no controller leaves by itself. */
const terminalReasons = /^(Failed|Error|.*Failed|.*Error|Invalid.*|.*Invalid|Denied|.*Denied|Forbidden|Rejected)$/;

const phases: Readonly<Record<string, 'good' | 'bad' | 'wait'>> = {
  active: 'good', available: 'good', bound: 'good', complete: 'good', completed: 'good', deployed: 'good',
  healthy: 'good', ready: 'good', running: 'good', succeeded: 'good', synced: 'good',
  failed: 'bad', error: 'bad', degraded: 'bad', invalid: 'bad', lost: 'bad',
  pending: 'wait', creating: 'wait', provisioning: 'wait', progressing: 'wait', updating: 'wait', deleting: 'wait',
}; // biome-ignore format: a table

/** How long a custom object without any status may take before its silence counts as health. */
const settleTime = 5_000;

/** The rule for every kind that has none of its own: conditions by convention, then phase words, then silence. */
export function generic(object: KubeObject, context: HealthContext): Health {
  for (const type of goodConditions) {
    const found = condition(object, type);
    if (found !== undefined) return byCondition(found);
  }
  const phase = textAt(object, 'status', 'phase') ?? textAt(object, 'status', 'state');
  const meaning = phase === undefined ? undefined : phases[phase.toLowerCase()];
  if (meaning === 'good') return healthy(phase);
  if (meaning === 'bad') return degraded(phase ?? 'Failed', textAt(object, 'status', 'message') ?? `is ${phase}`);
  if (meaning === 'wait') return progressing(phase ?? 'Pending', `is ${phase}`);
  return bySilence(object, context);
}

function byCondition(found: Condition): Health {
  if (found.status === 'True') return healthy(found.reason || found.type);
  if (found.status === 'False' && terminalReasons.test(found.reason)) return degraded(found.reason, explain(found));
  return progressing(found.reason || `Not${found.type}`, explain(found));
}

/** When we last wrote it, in milliseconds: what others note on it says nothing. NaN where not even its making is known. */
function lastWritten(object: KubeObject): number {
  const times = objectsAt(object, 'metadata', 'managedFields')
    .filter(({ manager, operation }) => operation === 'Apply' && isDeliveryManager(String(manager)))
    .map((entry) => Date.parse(textAt(entry, 'time') ?? ''))
    .filter((time) => !Number.isNaN(time));
  return Math.max(Date.parse(textAt(object, 'metadata', 'creationTimestamp') ?? ''), ...times);
}

/** Some kinds never get a status; a controller that has just not started yet looks the same for a moment. */
function bySilence(object: KubeObject, context: HealthContext): Health {
  const status = at(object, 'status');
  if (at(object, 'status', 'observedGeneration') !== undefined) return healthy('Observed');
  if (isObject(status) && Object.keys(status).length > 0) return healthy('NoConditions');
  if (isBuiltIn(object.apiVersion)) return healthy('NoStatus');
  if (context.now - lastWritten(object) < settleTime) return progressing('Settling', 'has no status yet');
  return healthy('NoStatus');
}
