import { hashText } from '../diff/hash.ts';
import { type Json, textAt } from '../diff/json.ts';
import { isForbidden, LockstepError, messageOf } from '../sync/errors.ts';
import { isClusterAllowed, type Limits } from '../sync/limits.ts';
import type { Cluster } from '../sync/ports.ts';
import { createKubeHttp, type HttpLimits, type KubeHttp } from './kube/http.ts';
import { readKubeconfig } from './kube/kubeconfig.ts';
import type { Login } from './kube/remote.ts';
import { registerSecretsOf } from './mask.ts';

/** Keys under which a kubeconfig may stand: Flux has the last two. */
const keys = ['kubeconfig', 'value', 'value.yaml'];

/** A cluster that is far away is asked less at once than the agent's own, and all else is for later turns. */
const remoteLimits = {
  requestTimeout: 30_000,
  connectTimeout: 3_000,
  connections: 16,
  retries: 0,
  maxBytes: 67_108_864,
};

/** Where a login stands. */
export interface SecretPlace {
  readonly namespace: string;
  readonly name: string;
}

/** What reading a login needs. */
export interface LoginDeps {
  readonly userAgent: string;
  /** Reads YAML. */
  parse(text: string): Json[];
  /** What Deliveries of a namespace may do. @throws LockstepError NotAllowed */
  limits(namespace: string): Limits;
  /** The connection as it is used: writes end with the lease. */
  guard(http: KubeHttp): KubeHttp;
  observe(method: string, status: number, seconds: number): void;
}

/**
 * Reads the login to another cluster from a Secret, as the identity that the cluster stands for.
 * @throws LockstepError KubeconfigInvalid, NotAllowed; ApiError
 */
export async function readLogin(cluster: Cluster, place: SecretPlace, deps: LoginDeps): Promise<Login> {
  const text = await readText(cluster, place);
  const { access, secrets } = parsed(text, place, deps);
  registerSecretsOf(`${place.namespace}/${place.name}`, secrets);
  // Other limits hold at once, also for what was allowed before.
  const check = (): void => {
    if (isClusterAllowed(access.server, deps.limits(place.namespace))) return;
    throw new LockstepError(
      'NotAllowed',
      `the cluster ${access.server} is not allowed for Deliveries of the namespace ${place.namespace}`,
    );
  };
  check();
  const limits: HttpLimits = { ...remoteLimits, userAgent: deps.userAgent };
  return {
    fingerprint: hashText(text),
    check,
    connect: () => deps.guard(createKubeHttp(access, limits, deps.observe)),
  };
}

/** What is wrong is told with the Secret, and never with what stands in it. */
function parsed(text: string, { namespace, name }: SecretPlace, { parse }: LoginDeps) {
  try {
    return readKubeconfig(parse(text));
  } catch (error) {
    const why = error instanceof LockstepError ? messageOf(error) : 'the kubeconfig is no YAML that can be read';
    throw new LockstepError('KubeconfigInvalid', `Secret ${namespace}/${name}: ${why}`);
  }
}

async function readText(cluster: Cluster, { namespace, name }: SecretPlace): Promise<string> {
  const secret = await cluster.get({ apiVersion: 'v1', kind: 'Secret', namespace, name }).catch((error: unknown) => {
    if (!isForbidden(error)) throw error;
    throw new LockstepError('KubeconfigInvalid', `the service account may not read the Secret ${namespace}/${name}`);
  });
  if (secret === undefined)
    throw new LockstepError('KubeconfigInvalid', `the Secret ${namespace}/${name} does not exist`);
  const encoded = keys.map((key) => textAt(secret, 'data', key)).find((value) => value !== undefined);
  if (encoded === undefined)
    throw new LockstepError(
      'KubeconfigInvalid',
      `the Secret ${namespace}/${name} has none of the keys ${keys.join(', ')}`,
    );
  return Buffer.from(encoded, 'base64').toString('utf8');
}
