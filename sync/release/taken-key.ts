import { at } from '../../diff/json.ts';
import { type KubeObject, keyOf } from '../types.ts';
import type { Entry, ReleaseRecord } from './record.ts';

/**
 * Whether a container misses a key of a ConfigMap or Secret that this very release took out: then nobody else will bring it. The message is the kubelet's: `couldn't find key color in ConfigMap shop/settings`.
 */
export function isTakenKey(record: ReleaseRecord, user: Entry, message: string): boolean {
  const [, key, kind, namespace = user.ref.namespace, name] =
    /couldn't find key (\S+) in (ConfigMap|Secret) (?:([^/\s]+)\/)?([^\s,]+)/.exec(message) ?? [];
  if (key === undefined || kind === undefined || name === undefined) return false;
  const ref = { apiVersion: 'v1', kind, namespace: namespace ?? '', name };
  const before = record.goods[0]?.objects.get(keyOf(ref))?.manifest;
  const now = record.entries.get(keyOf(ref));
  return holds(before, key) && !(now !== undefined && !now.removed && holds(now.manifest, key));
}

/** Keys may stand in any of these. */
const places = ['data', 'binaryData', 'stringData'];

function holds(object: KubeObject | undefined, key: string): boolean {
  return places.some((place) => at(object, place, key) !== undefined);
}
