import { hashText } from '../diff/hash.ts';
import { type Json, toJson } from '../diff/json.ts';
import type { Delivery } from './delivery/delivery.ts';
import type { Desired } from './render/check.ts';
import type { Variables } from './render/variables.ts';
import type { Found } from './session.ts';
import { keyOf, type ObjectRef } from './types.ts';

/** The tree together with the settings that decide what comes out of it. */
export function inputOf(delivery: Delivery, treeOrInput: string): string {
  const tree = treeOrInput.split(' ', 1)[0] ?? '';
  const {
    url,
    ref,
    path,
    targetNamespace,
    ignore,
    restartOnConfigChange,
    verify,
    sourceIgnore,
    submodules,
    variables,
    decryptionSecret,
  } = delivery;
  const rules = ignore.length === 0 ? '' : ` ${hashText(toJson(ignore))}`;
  const restarts = restartOnConfigChange ? ' restarts' : '';
  const trust = verify === undefined ? '' : ` ${verify.mode} ${verify.secret} ${verify.configMap}`;
  const leftOut = sourceIgnore === undefined ? '' : ` ignore ${hashText(sourceIgnore)}`;
  const grafted = submodules ? ' submodules' : '';
  const named = variables === undefined ? '' : ` variables ${variablesKey(variables)}`;
  const { kustomize, helm } = delivery;
  const rendered = kustomize === undefined && helm === undefined ? '' : ` render ${settingsKey(kustomize, helm)}`;
  const keys = decryptionSecret === undefined ? '' : ` decrypted ${decryptionSecret}`;
  const more = `${rendered}${rules}${restarts}${trust}${leftOut}${grafted}${named}${keys}`;
  return `${tree} ${hashText(`${url} ${ref} ${path} ${targetNamespace}${more}`)}`;
}

function settingsKey(kustomize: Delivery['kustomize'], helm: Delivery['helm']): string {
  const settings: unknown = { kustomize: kustomize ?? null, helm: helm ?? null };
  return hashText(toJson(settings as Json));
}

/** Variables and their values, in one word. */
export function variablesKey(variables: Variables): string {
  return hashText(toJson(Object.fromEntries([...variables].sort(([a], [b]) => (a < b ? -1 : 1)))));
}

/** Whether a revision was found by the settings that the Delivery has now. */
export function isFoundBy(delivery: Delivery, found: Found): boolean {
  return inputOf(delivery, found.input) === found.input;
}

/** What came out of a render: equal hashes are equal objects, and the same ones left alone. */
export function renderHash(desired: readonly Desired[], skipped: readonly ObjectRef[]): string {
  const objects = desired.map(({ key, hash }) => `${key} ${hash}`).sort();
  return hashText([...objects, ...skipped.map((ref) => `skip ${keyOf(ref)}`).sort()].join('\n'));
}
