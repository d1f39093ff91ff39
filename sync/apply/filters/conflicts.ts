import { isObject, type Json } from '../../../diff/json.ts';
import type { FieldConflict } from '../../errors.ts';
import { isDeliveryManager } from '../../stamp.ts';
import type { KubeObject } from '../../types.ts';

/** Whose fields may be taken: tools by which people change things by hand, and what they leave behind. */
const handTools = /^(kubectl(?!-rollout).*|helm|Helm|before-first-apply)$/;

/** Whether a manager is a tool by which people change things by hand. */
export function isHandTool(manager: string): boolean {
  return handTools.test(manager);
}

/**
 * Whether a manager declares whole objects, as we do: what it owned and Git does not have shall go. Those of other agents
 * only come to be taken from when the object may be adopted.
 */
export function isDeclaring({ manager, operation }: { readonly manager: string; readonly operation: string }): boolean {
  if (/^(helm|Helm|argocd-controller|kustomize-controller|helm-controller|gotk-.*)$/.test(manager)) return true;
  return operation === 'Apply' ? manager === 'kubectl' : manager === 'kubectl-client-side-apply';
}

/** What is known when a field of ours turns out to be another manager's. */
export interface ConflictContext {
  /** Taking over was asked for: by spec.sync.adopt or by the object's annotation. */
  readonly adopt: boolean;
  /** Manifests whose fields are ours to heal: the one that we applied last, and the good one that is coming back. */
  readonly previous: readonly KubeObject[];
}

/** Whether a field may be taken from its manager. Another Delivery keeps its fields unless adoption was asked for. */
export function mayTake(conflict: FieldConflict, context: ConflictContext): boolean {
  if (context.adopt) return true;
  if (isDeliveryManager(conflict.manager)) return false;
  if (handTools.test(conflict.manager)) return true;
  return context.previous.some((manifest) => namesField(manifest, conflict.field));
}

/**
 * Whether a manifest names a field, given as the API server writes it: `spec.containers[name="web"].image`. The server
 * does not escape the dots in keys such as `nginx.conf`, so at a map the longest key that fits is taken.
 */
function namesField(value: Json | undefined, field: string): boolean {
  const rest = field.replace(/^\./, '');
  if (rest === '') return value !== undefined;
  if (rest.startsWith('[')) {
    const end = endOfSelector(rest);
    return namesField(select(value, rest.slice(1, end)), rest.slice(end + 1));
  }
  if (!isObject(value)) return false;
  const keys = Object.keys(value).filter(
    (key) => rest === key || rest.startsWith(`${key}.`) || rest.startsWith(`${key}[`),
  );
  return keys.some((key) => namesField(value[key], rest.slice(key.length)));
}

/** The position of the bracket that closes a selector; brackets inside quotes do not count. */
function endOfSelector(text: string): number {
  const match = /^\[(?:"(?:[^"\\]|\\.)*"|[^"\]])*\]/.exec(text);
  return match === null ? text.length : match[0].length - 1;
}

/** The item that a selector names. A key that the manifest leaves out is one that the server fills in. */
function select(list: Json | undefined, selector: string): Json | undefined {
  if (!Array.isArray(list)) return undefined;
  if (selector.startsWith('=')) return list.find((item) => JSON.stringify(item) === selector.slice(1));
  const pairs = [...selector.matchAll(/([\w]+)=("(?:[^"\\]|\\.)*"|[^,]+)/g)].map(
    ([, key = '', text = '']) => [key, text] as const,
  );
  return list.find(
    (item) =>
      isObject(item) && pairs.every(([key, text]) => item[key] === undefined || JSON.stringify(item[key]) === text),
  );
}
