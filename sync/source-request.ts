import { identityOf } from './delivery/target.ts';
import { LockstepError } from './errors.ts';
import { isSourceAllowed } from './limits.ts';
import type { SourceRequest } from './ports.ts';
import type { Turn } from './session.ts';
import type { Credentials, Trust } from './source/login.ts';
import { parseSourceUrl, serverOf } from './source/url.ts';

const credentialsLifetime = 300_000;

/**
 * What the source of a Delivery is asked for, and how.
 * @throws LockstepError NotAllowed, CredentialsNotFound
 */
export async function sourceRequest(turn: Turn): Promise<SourceRequest> {
  const { url, followed, path, namespace, sourceIgnore: ignore, submodules, uid: user } = turn.delivery;
  const allows = (href: string): boolean => isSourceAllowed(href, turn.world.limits(namespace));
  if (!allows(parseSourceUrl(url).href))
    throw new LockstepError(
      'NotAllowed',
      `the source ${url} is not allowed for Deliveries of the namespace ${namespace}`,
    );
  return { url, followed, path, ignore, submodules, allows, credentials: await credentialsOf(turn), user };
}

/** Read anew for each revision: whose signatures count may have changed. */
export async function trustOf({ delivery, world }: Turn): Promise<Trust | undefined> {
  const { verify, namespace } = delivery;
  if (verify === undefined) return undefined;
  return { mode: verify.mode, keys: await world.trustedKeys(identityOf(delivery), namespace, verify) };
}

/** Credentials are kept for a while, but only for the Secret and the server that they were read for. */
async function credentialsOf({ delivery, session, world }: Turn): Promise<Credentials | undefined> {
  const { secretName: secret, proxySecretName: proxy, namespace } = delivery;
  if (secret === undefined && proxy === undefined) return undefined;
  const now = world.clock.now();
  const owner = `${secret} ${proxy} ${serverOf(parseSourceUrl(delivery.url))}`;
  const kept = session.credentials;
  if (kept !== undefined && kept.owner === owner && kept.until > now) return kept.value;
  const value = await world.credentials(identityOf(delivery), namespace, { secret, proxy });
  session.credentials = { owner, value, until: now + credentialsLifetime };
  return value;
}
