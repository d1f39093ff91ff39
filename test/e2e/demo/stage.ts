import { textAt } from '../../../diff/json.ts';
import { condition } from '../../../health/kinds/conditions.ts';
import type { KubeObject, ObjectRef } from '../../../sync/types.ts';
import { deliveryRef } from '../support/furnish.ts';
import { type Kube, until } from '../support/kube.ts';

export const namespace = 'shop';
const ref = (apiVersion: string, kind: string, name: string): ObjectRef => ({ apiVersion, kind, namespace, name });
export const deployment = ref('apps/v1', 'Deployment', 'hello-world');
export const service = ref('v1', 'Service', 'hello-world-service');
export const settings = ref('v1', 'ConfigMap', 'hello-world-settings');
export const worker = ref('apps/v1', 'Deployment', 'hello-world-worker');
export const delivery = deliveryRef(namespace, 'hello-world');

/** Tells a step of the story with the time it took; a step whose check does not hold ends the demo. */
export async function step<T>(
  title: string,
  action: () => Promise<T>,
  note: (result: T) => string = () => '',
): Promise<T> {
  const started = performance.now();
  process.stdout.write(`  ${title} ... `);
  try {
    const result = await action();
    const seconds = ((performance.now() - started) / 1000).toFixed(2);
    process.stdout.write(`${seconds} s${note(result) === '' ? '' : `  (${note(result)})`}\n`);
    return result;
  } catch (error) {
    process.stdout.write('FAILED\n');
    throw error;
  }
}

/** Waits until the Delivery is Ready at a revision. */
export function readyAt(kube: Kube, revision: string): Promise<KubeObject> {
  return until(`Ready at ${revision.slice(0, 12)}`, async () => {
    const object = await kube.get(delivery);
    const ready = object === undefined ? undefined : condition(object, 'Ready');
    return ready?.status === 'True' && textAt(object, 'status', 'revision', 'target') === revision ? object : undefined;
  });
}

export function has(
  kube: Kube,
  what: string,
  ref: ObjectRef,
  check: (object: KubeObject) => boolean,
): Promise<KubeObject> {
  return until(what, async () => {
    const object = await kube.get(ref);
    return object !== undefined && check(object) ? object : undefined;
  });
}

export function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`does not hold: ${what}`);
}
