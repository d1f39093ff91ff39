import { type Json, type JsonObject, numberAt, objectsAt, textAt } from '../../diff/json.ts';
import { degraded, progressing, type Verdict } from '../scale.ts';

/** One entry of a list of conditions. */
export interface Condition {
  readonly type: string;
  /** `True`, `False` or `Unknown`. */
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  /** How bad it is, where it says so: `Error`, `Warning`, `Info`. */
  readonly severity: string;
  /** The generation that it is about, where it says so. */
  readonly generation: number | undefined;
  /** Since when it has this status, in milliseconds; NaN where it does not say so. */
  readonly since: number;
}

/** The condition of a type in status.conditions, read by its name and its status, never by presence alone. */
export function condition(object: JsonObject, type: string): Condition | undefined {
  const found = objectsAt(object, 'status', 'conditions').find((entry) => entry['type'] === type);
  return found === undefined ? undefined : conditionOf(found);
}

/** All conditions of a list at a path. */
export function conditionsAt(value: Json, ...path: string[]): Condition[] {
  return objectsAt(value, ...path).map(conditionOf);
}

function conditionOf(entry: JsonObject): Condition {
  return {
    type: textAt(entry, 'type') ?? '',
    status: statusOf(entry['status']),
    reason: textAt(entry, 'reason') ?? '',
    message: textAt(entry, 'message') ?? '',
    severity: textAt(entry, 'severity') ?? '',
    generation: numberAt(entry, 'observedGeneration'),
    since: Date.parse(textAt(entry, 'lastTransitionTime') ?? ''),
  };
}

/** Some controllers write `true` instead of `"True"`. */
function statusOf(status: Json | undefined): string {
  const text = String(status ?? 'Unknown').toLowerCase();
  return text === 'true' ? 'True' : text === 'false' ? 'False' : 'Unknown';
}

/** `reason: message`, or what there is of it, or the type. */
export function explain(found: Condition): string {
  const parts = [found.reason, found.message].filter((part) => part !== '');
  return parts.length > 0 ? parts.join(': ') : `${found.type} is ${found.status}`;
}

/** Degraded by a condition: what it says is why. */
export function degradedBy(found: Condition): Verdict {
  return degraded(found.reason || found.type, explain(found));
}

/** Progressing by a condition that is not as it should be yet. */
export function progressingBy(found: Condition): Verdict {
  return progressing(found.reason || `Not${found.type}`, explain(found));
}
