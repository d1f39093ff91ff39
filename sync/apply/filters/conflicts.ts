import { isObject, type Json } from '../../../diff/json.ts';
import type { FieldConflict } from '../../errors.ts';
import type { KubeObject } from '../../types.ts';

/** Whose fields may be taken: tools by which people change things by hand, and what they leave behind. */
const handTools = /^(kubectl(?!-rollout).*|helm|Helm|before-first-apply)$/;

/** What is known when a field of ours turns out to be another manager's. */
export interface ConflictContext {
  /** Taking over was asked for: by spec.sync.adopt or by the object's annotation. */
  readonly adopt: boolean;
  /** The manifest that we applied last, whose fields are ours to heal. */
  readonly previous: KubeObject | undefined;
}

/** Whether a field may be taken from its manager. Another Delivery keeps its fields unless adoption was asked for. */
export function mayTake(conflict: FieldConflict, context: ConflictContext): boolean {
  if (context.adopt) return true;
  if (conflict.manager.startsWith('lockstep-')) return false;
  if (handTools.test(conflict.manager)) return true;
  return context.previous !== undefined && namesField(context.previous, conflict.field);
}

/** Whether a manifest names a field, given as the API server writes it: `spec.containers[name="web"].image`. */
function namesField(manifest: KubeObject, field: string): boolean {
  let here: Json | undefined = manifest;
  for (const [, key, selector] of field.matchAll(/\.?([^.[\]]+)|\[([^\]]*)\]/g)) {
    if (key !== undefined) here = isObject(here) ? here[key] : undefined;
    else here = select(here, selector ?? '');
    if (here === undefined) return false;
  }
  return true;
}

function select(list: Json | undefined, selector: string): Json | undefined {
  if (!Array.isArray(list)) return undefined;
  if (selector.startsWith('=')) return list.find((item) => JSON.stringify(item) === selector.slice(1));
  const wanted = [...selector.matchAll(/([\w]+)=("(?:[^"\\]|\\.)*"|[^,]+)/g)].map(
    ([, key = '', text = '']) => [key, text] as const,
  );
  return list.find((item) => isObject(item) && wanted.every(([key, text]) => JSON.stringify(item[key]) === text));
}
