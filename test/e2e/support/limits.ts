import { agentNamespace } from './furnish.ts';
import type { Kube } from './kube.ts';

/**
 * Whoever runs Lockstep says what Deliveries may do: for agents with the flag `--limits NAME`.
 * @param data limits as YAML, by namespace
 */
export async function setLimits(kube: Kube, name: string, data: Readonly<Record<string, string>>): Promise<void> {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: agentNamespace, name };
  if ((await kube.get(ref)) !== undefined) await kube.delete(ref);
  await kube.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: agentNamespace },
    data: { ...data },
  });
}

/** Lets releases be measured by a server of a test, which listens where only the machine itself may ask. */
export function mayMeasureBy(kube: Kube, name: string, url: string): Promise<void> {
  return setLimits(kube, name, { default: `analysis: ["${url}/"]\n` });
}
