import { at, isObject } from '../../diff/json.ts';
import { keyOf } from '../types.ts';
import type { Entry, ReleaseRecord } from './record.ts';

/**
 * The ConfigMap or Secret whose key a container misses, if it is this very release that took the key out: then nobody
 * else will bring it. The message is the kubelet's: `couldn't find key color in ConfigMap shop/settings`.
 */
export function takenKey(record: ReleaseRecord, user: Entry, message: string): string | undefined {
  const [, key, kind, namespace = user.ref.namespace, name] =
    /couldn't find key (\S+) in (ConfigMap|Secret) (?:([^/\s]+)\/)?([^\s,]+)/.exec(message) ?? [];
  if (key === undefined || kind === undefined || name === undefined) return undefined;
  const ref = { apiVersion: 'v1', kind, namespace: namespace ?? '', name };
  const before = record.goods[0]?.objects.get(keyOf(ref))?.manifest;
  const now = record.entries.get(keyOf(ref));
  const had = isObject(before) && at(before, 'data', key) !== undefined;
  const has = now !== undefined && !now.removed && at(now.manifest, 'data', key) !== undefined;
  return had && !has ? name : undefined;
}
