import { textAt } from '../../diff/json.ts';
import type { KubeObject } from '../types.ts';
import type { Delivery } from './delivery.ts';

/**
 * Where things are done, and as whom, in one word: a user of the agent's own cluster; or, behind an `@`, the name of the
 * Secret beside the account that leads to another cluster.
 */
export type Target = string;

/** The user that the API server knows a Delivery's service account by. What is read for it, is read as that. */
export function identityOf({ namespace, serviceAccount }: Pick<Delivery, 'namespace' | 'serviceAccount'>): string {
  return `system:serviceaccount:${namespace}:${serviceAccount}`;
}

/** Where a Delivery's objects are, and as whom they are read and written. */
export function targetOf(delivery: Pick<Delivery, 'namespace' | 'serviceAccount' | 'kubeconfig'>): Target {
  const { kubeconfig } = delivery;
  return kubeconfig === undefined ? identityOf(delivery) : `${identityOf(delivery)}@${kubeconfig}`;
}

/** The same of a Delivery of which perhaps nothing else can be read. */
export function targetIn({ metadata, spec }: KubeObject): Target {
  return targetOf({
    namespace: metadata.namespace ?? '',
    serviceAccount: textAt(spec, 'target', 'serviceAccountName') ?? 'lockstep',
    kubeconfig: textAt(spec, 'target', 'kubeconfigSecretRef', 'name'),
  });
}

/** The parts of a target. Neither a user nor the name of a Secret holds an `@`. */
export function partsOf(target: Target): {
  readonly identity: string;
  /** The Secret that leads to another cluster. */
  readonly secret: { readonly namespace: string; readonly name: string } | undefined;
} {
  const [identity = '', name] = target.split('@');
  const [, , namespace = ''] = identity.split(':');
  return { identity, secret: name === undefined ? undefined : { namespace, name } };
}
