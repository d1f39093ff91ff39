import { type JsonObject, objectsAt, textAt } from '../../diff/json.ts';

/** One entry of status.conditions. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** The condition of a type, read by its name and its status, never by presence alone. */
export function condition(object: JsonObject, type: string): Condition | undefined {
  const found = objectsAt(object, 'status', 'conditions').find((entry) => entry['type'] === type);
  if (found === undefined) return undefined;
  return {
    type,
    status: textAt(found, 'status') ?? 'Unknown',
    reason: textAt(found, 'reason') ?? '',
    message: textAt(found, 'message') ?? '',
  };
}

/** `reason: message`, or what there is of it, or the type. */
export function explain(found: Condition): string {
  const parts = [found.reason, found.message].filter((part) => part !== '');
  return parts.length > 0 ? parts.join(': ') : `${found.type} is ${found.status}`;
}
