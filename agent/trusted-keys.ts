import { at, isObject } from '../diff/json.ts';
import { isForbidden, LockstepError } from '../sync/errors.ts';
import type { Cluster } from '../sync/ports.ts';
import type { KeyPlaces, TrustedKey } from '../sync/source/login.ts';

/**
 * Reads the public keys of those whose signatures count, as the identity that the cluster stands for: every value of a Secret
 * and of a ConfigMap.
 * @throws LockstepError CredentialsNotFound
 */
export async function readTrustedKeys(
  cluster: Cluster,
  namespace: string,
  { secret, configMap }: KeyPlaces,
): Promise<TrustedKey[]> {
  const found = await Promise.all([
    secret === undefined ? [] : valuesOf(cluster, 'Secret', namespace, secret),
    configMap === undefined ? [] : valuesOf(cluster, 'ConfigMap', namespace, configMap),
  ]);
  const keys = found.flat();
  if (keys.length === 0)
    throw new LockstepError('CredentialsNotFound', 'spec.source.verify names no Secret or ConfigMap with a public key');
  return keys;
}

async function valuesOf(
  cluster: Cluster,
  kind: 'Secret' | 'ConfigMap',
  namespace: string,
  name: string,
): Promise<TrustedKey[]> {
  const object = await cluster.get({ apiVersion: 'v1', kind, namespace, name }).catch((error: unknown) => {
    if (!isForbidden(error)) throw error;
    throw new LockstepError('CredentialsNotFound', `the service account may not read the ${kind} ${namespace}/${name}`);
  });
  if (object === undefined)
    throw new LockstepError('CredentialsNotFound', `the ${kind} ${namespace}/${name} does not exist`);
  const data = at(object, 'data');
  return Object.entries(isObject(data) ? data : {}).flatMap(([key, value]) =>
    typeof value === 'string'
      ? [{ name: `${key} of ${kind} ${name}`, text: kind === 'Secret' ? decoded(value) : value }]
      : [],
  );
}

function decoded(value: string): string {
  return Buffer.from(value, 'base64').toString('utf8');
}
