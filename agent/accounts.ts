import { isAbsent, LockstepError } from '../sync/errors.ts';
import type { Clock } from '../sync/ports.ts';
import type { KubeHttp } from './kube/http.ts';

/** How long an account that was seen counts as existing, in milliseconds. */
const lifetime = 10_000;

/**
 * Makes sure that a service account exists before anything is done as it: impersonating a missing one would succeed
 * wherever a binding still names it.
 * @returns a check that throws LockstepError AccountNotFound, for a user name such as system:serviceaccount:shop:lockstep
 */
export function createAccounts(http: KubeHttp, clock: Clock): (identity: string) => Promise<void> {
  const seen = new Map<string, { at: number; check: Promise<void> }>();
  return (identity) => {
    const known = seen.get(identity);
    if (known !== undefined && clock.now() - known.at < lifetime) return known.check;
    const check = lookUp(http, identity);
    seen.set(identity, { at: clock.now(), check });
    check.catch(() => seen.delete(identity));
    return check;
  };
}

async function lookUp(http: KubeHttp, identity: string): Promise<void> {
  const [, , namespace = '', name = ''] = identity.split(':');
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(name)}`;
  try {
    await http.request({ method: 'GET', path });
  } catch (error) {
    if (!isAbsent(error)) throw error;
    throw new LockstepError('AccountNotFound', `the service account ${namespace}/${name} does not exist`);
  }
}
