import { hashText } from '../diff/hash.ts';
import { at, isObject } from '../diff/json.ts';
import { isForbidden, LockstepError } from '../sync/errors.ts';
import type { Cluster, Credentials } from '../sync/ports.ts';
import { registerSecret } from './mask.ts';

/**
 * Reads the credentials of a Git server from a Secret, as the identity that the cluster stands for.
 * Keys as Argo CD and Flux name them: `username` and `password`, or `bearerToken` (also `token`).
 * @throws LockstepError CredentialsNotFound
 */
export async function readCredentials(cluster: Cluster, namespace: string, name: string): Promise<Credentials> {
  const secret = await getSecret(cluster, namespace, name);
  const data = at(secret, 'data');
  const value = (key: string): string | undefined => {
    const encoded = isObject(data) ? data[key] : undefined;
    return typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString('utf8').trim() : undefined;
  };
  const token = value('bearerToken') ?? value('token');
  const password = value('password');
  for (const secretValue of [token, password]) if (secretValue !== undefined) registerSecret(secretValue);
  if (token !== undefined) return credentials(`Bearer ${token}`);
  if (password === undefined) {
    throw new LockstepError(
      'CredentialsNotFound',
      `the Secret ${namespace}/${name} needs the keys username and password, or bearerToken`,
    );
  }
  const basic = Buffer.from(`${value('username') ?? 'git'}:${password}`).toString('base64');
  registerSecret(basic);
  return credentials(`Basic ${basic}`);
}

function credentials(authorization: string): Credentials {
  return { authorization, fingerprint: hashText(authorization) };
}

async function getSecret(cluster: Cluster, namespace: string, name: string) {
  try {
    const secret = await cluster.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
    if (secret !== undefined) return secret;
  } catch (error) {
    if (!isForbidden(error)) throw error;
    throw new LockstepError('CredentialsNotFound', `the service account may not read the Secret ${namespace}/${name}`, {
      cause: error,
    });
  }
  throw new LockstepError('CredentialsNotFound', `the Secret ${namespace}/${name} does not exist`);
}
