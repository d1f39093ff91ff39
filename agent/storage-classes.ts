import { objectsAt, textAt } from '../diff/json.ts';
import { messageOf } from '../sync/errors.ts';
import type { Clock, Log } from '../sync/ports.ts';
import type { KubeHttp } from './kube/http.ts';

const lifetime = 60_000;

/**
 * When StorageClasses bind their claims. They are listed when somebody asks, at most once a minute; until the first list
 * is there, nothing is known.
 */
export function createStorageClasses(http: KubeHttp, clock: Clock, log: Log): (name: string) => string | undefined {
  let modes = new Map<string, string>();
  let askedAt = Number.NEGATIVE_INFINITY;

  async function refresh(): Promise<void> {
    const { body } = await http.request({ method: 'GET', path: '/apis/storage.k8s.io/v1/storageclasses' });
    const entries = objectsAt(body, 'items').map((item): [string, string] => [
      textAt(item, 'metadata', 'name') ?? '',
      textAt(item, 'volumeBindingMode') ?? 'Immediate',
    ]);
    modes = new Map(entries);
  }

  return (name) => {
    if (clock.now() - askedAt > lifetime) {
      askedAt = clock.now();
      refresh().catch((error: unknown) => log.warn({ problem: messageOf(error) }, 'StorageClasses can not be listed'));
    }
    return modes.get(name);
  };
}
