import { partsOf, type Target } from '../../sync/delivery/target.ts';
import { messageOf } from '../../sync/errors.ts';
import type { Log } from '../../sync/ports.ts';
import { leaseName } from '../leader.ts';
import { registerSecret } from '../mask.ts';
import type { Metrics } from '../metrics.ts';
import type { Registry } from '../registry.ts';
import type { Settings } from '../settings.ts';
import { fairly, type Room } from './fair.ts';
import { createInProcessQueue } from './in-process.ts';
import { type Queue, queueDefaults, type Work } from './queue.ts';

/** The queue in memory, unless a Redis is named; turns of Deliveries of one far cluster never take all workers. */
export async function openQueue(
  settings: Settings,
  log: Log,
  registry: Registry,
  metrics: Metrics,
  turn: Work,
): Promise<Queue> {
  const work = fairly(
    measured(turn, metrics.turn),
    (uid) => ownerElsewhere(registry.get(uid)?.target()),
    roomElsewhere(settings.workers),
  );
  const limits = { ...queueDefaults, workers: settings.workers };
  const onError = (uid: string, error: unknown): void =>
    log.error({ delivery: uid, problem: messageOf(error) }, 'a turn failed');
  if (settings.redis === '') return createInProcessQueue(work, onError, limits);
  registerSecret(decodeURIComponent(new URL(settings.redis).password));
  const place = { url: settings.redis, name: leaseName(settings['watch-namespaces']), log };
  // Loaded only where it is used: it costs 24 MiB.
  const { createRedisQueue } = await import('./redis.ts');
  return createRedisQueue(place, work, onError, limits);
}

/** The namespace of a target that is not the agent's own cluster. */
function ownerElsewhere(target: Target | undefined): string | undefined {
  return target === undefined ? undefined : partsOf(target).secret?.namespace;
}

/** Half of the workers, and half of those for one namespace. With a single worker nobody can be kept free. */
function roomElsewhere(workers: number): Room {
  const inAll = Math.max(1, Math.floor(workers / 2));
  return { inAll, ofOne: Math.ceil(inAll / 2) };
}

/** Work that tells how long it took. */
function measured(work: Work, note: Metrics['turn']): Work {
  return async (key, hints) => {
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    try {
      const again = await work(key, hints);
      note(seconds(), false);
      return again;
    } catch (error) {
      note(seconds(), true);
      throw error;
    }
  };
}
