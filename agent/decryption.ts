import { at, isObject } from '../diff/json.ts';
import { isForbidden, LockstepError } from '../sync/errors.ts';
import type { Cluster } from '../sync/ports.ts';
import type { KnownKeys, MakeUnsealer, SopsKeys, Unsealer } from '../sync/render/sops/port.ts';
import { forgetSecretsOf, isSecretText, registerSecret, registerSecretsOf } from './mask.ts';

/** Opens encrypted files of Deliveries. What was encrypted is masked from then on, for as long as there is the Delivery. */
export interface Decryption {
  /**
   * @param cluster as the account that may read the Secret
   * @param secret the Secret with the keys; undefined where the Delivery names none
   * @throws LockstepError CredentialsNotFound
   */
  unsealer(uid: string, cluster: Cluster, namespace: string, secret: string | undefined): Promise<Unsealer>;
  forget(uid: string): void;
}

export function createDecryption(makeUnsealer: MakeUnsealer): Decryption {
  const known: KnownKeys = new Map();
  const hidden = new Map<string, Set<string>>();

  const hide = (uid: string) => (path: string, secrets: readonly string[]) => {
    const owner = `sops ${uid} ${path}`;
    hidden.set(uid, (hidden.get(uid) ?? new Set()).add(owner));
    registerSecretsOf(owner, secrets.filter(isSecretText));
  };

  return {
    unsealer: async (uid, cluster, namespace, secret) => {
      const keys = secret === undefined ? undefined : await readSopsKeys(cluster, namespace, secret);
      return makeUnsealer(keys, known, hide(uid));
    },
    forget: (uid) => {
      for (const owner of hidden.get(uid) ?? []) forgetSecretsOf(owner);
      hidden.delete(uid);
    },
  };
}

/**
 * Reads the keys of a Secret, as Flux names them: `*.agekey` holds identities of age, `*.asc` a private key of OpenPGP.
 * @throws LockstepError CredentialsNotFound
 */
export async function readSopsKeys(cluster: Cluster, namespace: string, name: string): Promise<SopsKeys> {
  const secret = await cluster.get({ apiVersion: 'v1', kind: 'Secret', namespace, name }).catch((error: unknown) => {
    if (!isForbidden(error)) throw error;
    throw new LockstepError('CredentialsNotFound', `the service account may not read the Secret ${namespace}/${name}`);
  });
  const data = at(secret ?? null, 'data');
  if (!isObject(data))
    throw new LockstepError('CredentialsNotFound', `the Secret ${namespace}/${name} does not exist, or is empty`);
  const texts = (ending: string): string[] =>
    Object.entries(data).flatMap(([key, value]) =>
      key.endsWith(ending) && typeof value === 'string' ? [Buffer.from(value, 'base64').toString('utf8')] : [],
    );
  const keys = { age: texts('.agekey').flatMap(identitiesIn), pgp: texts('.asc') };
  if (keys.age.length + keys.pgp.length === 0)
    throw new LockstepError(
      'CredentialsNotFound',
      `the Secret ${namespace}/${name} needs a key that ends in .agekey, with identities of age, or in .asc, with a private key of OpenPGP`,
    );
  for (const key of [...keys.age, ...keys.pgp]) registerSecret(key);
  return keys;
}

/** One a line, among comments, as age-keygen writes them. */
export function identitiesIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^AGE-SECRET-KEY-[A-Z0-9-]+$/i.test(line));
}
