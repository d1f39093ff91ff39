import { readFileSync } from 'node:fs';
import { parseYaml } from '../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../sync/types.ts';
import { type Kube, until } from './kube.ts';

/**
 * Installs what guards Deliveries, and waits until it holds: a policy does so a moment after it was made.
 * @param isRefused whether a Delivery of a name is refused that only the guard refuses; the name is a new one each time,
 * because one that was let through before names nothing new the next time
 */
export async function installGuard(kube: Kube, isRefused: (name: string) => Promise<boolean>): Promise<void> {
  for (const object of parseYaml(readFileSync('deploy/base/delivery-guard.yaml', 'utf8')))
    await kube.apply(object as KubeObject);
  let probes = 0;
  await until('the guard holds', () => {
    probes += 1;
    return isRefused(`probe-${probes}`);
  });
}
