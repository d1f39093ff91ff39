import { type JsonObject, objectsAt, textAt } from '../diff/json.ts';
import type { BindingMode } from '../health/scale.ts';
import { messageOf } from '../sync/errors.ts';
import type { Clock, Log } from '../sync/ports.ts';
import type { KubeHttp } from './kube/http.ts';

const lifetime = 60_000;
/** A class that is missing may be made in a moment. */
const lifetimeOfNothing = 3_000;

/** When each of some StorageClasses binds its claims, by its name. */
export function bindingModesOf(classes: readonly JsonObject[]): ReadonlyMap<string, BindingMode> {
  return new Map(
    classes.map((item) => [
      textAt(item, 'metadata', 'name') ?? '',
      textAt(item, 'volumeBindingMode') === 'WaitForFirstConsumer' ? 'WaitForFirstConsumer' : 'Immediate',
    ]),
  );
}

/**
 * When StorageClasses bind their claims. They are listed when somebody asks, at most once a minute, or every few seconds
 * while one is missing; until the first list is there, nothing is known.
 */
export function createStorageClasses(
  http: KubeHttp,
  clock: Clock,
  log: Log,
): (name: string) => BindingMode | undefined {
  let modes: ReadonlyMap<string, BindingMode> | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;

  async function refresh(): Promise<void> {
    const { body } = await http.request({ method: 'GET', path: '/apis/storage.k8s.io/v1/storageclasses' });
    modes = bindingModesOf(objectsAt(body, 'items'));
  }

  return (name) => {
    const mode = modes === undefined ? undefined : (modes.get(name) ?? 'NotFound');
    if (clock.now() - askedAt > (mode === 'NotFound' ? lifetimeOfNothing : lifetime)) {
      askedAt = clock.now();
      refresh().catch((error: unknown) => log.warn({ problem: messageOf(error) }, 'StorageClasses can not be listed'));
    }
    return mode;
  };
}
