import { objectsAt, textAt, toJson } from '../../../diff/json.ts';
import { deliveryApiVersion, deliveryCrd, deliverySetCrd } from '../../../sync/delivery/crd.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { gone, type Kube, until } from './kube.ts';

/** The namespace of the agents. */
export const agentNamespace = 'lockstep-system';

/** Installs the CRD and the agent's namespace, and waits until Deliveries are served. */
export async function installLockstep(kube: Kube): Promise<void> {
  for (const crd of [deliveryCrd(), deliverySetCrd()]) await kube.apply(crd as KubeObject);
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: agentNamespace } });
  await until('Deliveries are served', async () => {
    const answer = await kube.http
      .request({ method: 'GET', path: `/apis/${deliveryApiVersion}` })
      .catch(() => undefined);
    return answer !== undefined;
  });
}

/** What the account of a namespace may: everything, nothing, or some verbs for the usual kinds in that namespace. */
export type Rights = 'cluster' | 'none' | readonly string[];

const rbacGroup = 'rbac.authorization.k8s.io';
const rbac = `${rbacGroup}/v1`;

/** A namespace with a service account `lockstep` in it. */
export async function makeNamespace(kube: Kube, name: string, rights: Rights = 'cluster'): Promise<void> {
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await kube.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'lockstep', namespace: name } });
  if (rights === 'cluster') await letDoAll(kube, name);
  else if (rights !== 'none') await grant(kube, name, rights);
}

/** Lets the account of a namespace do just this with ConfigMaps and Deployments. */
export async function grant(kube: Kube, namespace: string, verbs: readonly string[]): Promise<void> {
  const rules = [{ apiGroups: ['', 'apps'], resources: ['configmaps', 'deployments'], verbs: [...verbs] }];
  await letDo(kube, namespace, 'lockstep', rules);
}

/** Lets a service account do just this in its namespace, by a Role of its name. */
export async function letDo(kube: Kube, namespace: string, account: string, rules: readonly object[]): Promise<void> {
  const metadata = { name: account, namespace };
  await kube.apply({ apiVersion: rbac, kind: 'Role', metadata, rules: rules as never });
  const roleRef = { apiGroup: rbacGroup, kind: 'Role', name: account };
  const subjects = [{ kind: 'ServiceAccount', name: account, namespace }];
  await kube.apply({ apiVersion: rbac, kind: 'RoleBinding', metadata, roleRef, subjects });
}

async function letDoAll(kube: Kube, namespace: string): Promise<void> {
  const subjects = [{ kind: 'ServiceAccount', name: 'lockstep', namespace }];
  const roleRef = { apiGroup: rbacGroup, kind: 'ClusterRole', name: 'cluster-admin' };
  const metadata = { name: `lockstep-${namespace}` };
  await kube.apply({ apiVersion: rbac, kind: 'ClusterRoleBinding', metadata, roleRef, subjects });
}

/** Takes away what an earlier run on a kept cluster left in a namespace. */
export async function clearNamespace(kube: Kube, name: string): Promise<void> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', name };
  if ((await kube.get(namespace)) === undefined) return;
  const { body } = await kube.http.request({ method: 'GET', path: deliveriesPath(name) });
  for (const delivery of objectsAt(body, 'items')) {
    const ref = deliveryRef(name, textAt(delivery, 'metadata', 'name') ?? '');
    await kube.edit(ref, { metadata: { finalizers: [] } });
  }
  await kube.delete(namespace);
  await gone(kube, namespace, 60_000);
}

/** Waits that tests of other things need not sit through. */
const quick = { health: { steady: '200ms' }, rollback: { probation: '200ms' } };

/** A Delivery of a repository, asked for news every second, whose releases are good soon after they are healthy. */
export function deliveryOf(
  namespace: string,
  name: string,
  url: string,
  spec: Record<string, object | string | boolean | number> = {},
): KubeObject {
  const { source = {}, health = {}, rollback = {}, ...rest } = spec;
  const whole: unknown = {
    apiVersion: deliveryApiVersion,
    kind: 'Delivery',
    metadata: { name, namespace },
    spec: {
      source: { url, interval: '1s', ...(source as object) },
      health: { ...quick.health, ...(health as object) },
      rollback: { ...quick.rollback, ...(rollback as object) },
      ...rest,
    },
  };
  return whole as KubeObject;
}

/** Where the Deliveries of a namespace are. */
export function deliveriesPath(namespace: string): string {
  return `/apis/${deliveryApiVersion}/namespaces/${namespace}/deliveries`;
}

export function deliveryRef(namespace: string, name: string) {
  return { apiVersion: deliveryApiVersion, kind: 'Delivery', namespace, name };
}

/** A token of a service account. */
export async function tokenOf(kube: Kube, namespace: string, name: string, audience: string): Promise<string> {
  const { body } = await kube.http.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    contentType: 'application/json',
    body: toJson({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience] } }),
  });
  return textAt(body, 'status', 'token') ?? '';
}
