import type { Clock, Cluster } from '../sync/ports.ts';
import type { MakeUnsealer } from '../sync/render/sops/port.ts';
import type { World } from '../sync/world.ts';
import { readCredentials } from './credentials.ts';
import { createDecryption } from './decryption.ts';
import { type AskServer, createAppTokens } from './github-app.ts';
import { readTrustedKeys } from './trusted-keys.ts';

/** What Deliveries name by Secrets: logins, public keys of those who sign, keys of what is encrypted. */
export interface SecretReader extends Pick<World, 'credentials' | 'trustedKeys' | 'unsealer'> {
  /** A Delivery is gone. */
  forget(uid: string): void;
}

/**
 * @param clusterOf the API server, as the account that reads
 * @param ask asks the API of GitHub
 */
export function createSecretReader(
  clusterOf: (identity: string) => Cluster,
  ask: AskServer,
  makeUnsealer: MakeUnsealer,
  clock: Pick<Clock, 'now'>,
): SecretReader {
  const tokens = createAppTokens(ask, clock);
  const decryption = createDecryption(makeUnsealer);
  return {
    credentials: (identity, namespace, names) => readCredentials(clusterOf(identity), namespace, names, tokens),
    trustedKeys: (identity, namespace, places) => readTrustedKeys(clusterOf(identity), namespace, places),
    unsealer: (uid, identity, namespace, secret) => decryption.unsealer(uid, clusterOf(identity), namespace, secret),
    forget: decryption.forget,
  };
}
