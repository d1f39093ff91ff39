import { messageOf } from '../sync/errors.ts';
import type { Log } from '../sync/ports.ts';
import { createReceiver } from '../webhooks/receive.ts';
import { askApiServer, trustLoopback } from './api/callers.ts';
import { createFeed } from './api/feed.ts';
import { apiRoutes } from './api/routes/all.ts';
import { probeRoutes } from './api/routes/probes.ts';
import { type Listener, listen } from './api/server.ts';
import type { ApiWorld } from './api/world.ts';
import type { Metrics } from './metrics.ts';
import type { Probes } from './probes.ts';
import { parsePlace, type Settings } from './settings.ts';
import { followWebhookSecrets } from './webhook-secrets.ts';

/** Something that is open until it is closed. */
export interface Open {
  close(): Promise<void>;
}

/** Opens the probes and metrics: also of an agent that waits for its turn to lead. */
export async function openProbes(settings: Settings, probes: Probes, metrics: Metrics, log: Log): Promise<Open> {
  const routes = probeRoutes(probes, metrics.text);
  const options = { routes, hostNames: settings['host-names'], identify: trustLoopback(), log };
  const listener = await open('probes-listen', settings, options, log);
  return { close: async () => listener?.close() };
}

/**
 * Opens the API and the webhook receivers.
 * @param heard told of a Delivery whose source has news, and which files those are
 */
export async function openApi(
  settings: Settings,
  world: ApiWorld,
  heard: (uid: string, paths: readonly string[] | undefined) => void,
  metrics: Metrics,
  log: Log,
): Promise<Open> {
  const secrets = followWebhookSecrets(world.http, settings.namespace, settings['webhook-secret'], log);
  const receive = createReceiver({
    log,
    secrets: secrets.of,
    subscribers: world.registry.subscribers,
    sync: heard,
    now: world.clock.now,
  });
  const feed = createFeed(world.registry);
  const identify = settings.auth === 'kubernetes' ? askApiServer(world.reviews, world.clock.now, log) : trustLoopback();
  const routes = apiRoutes(world, feed, receive, metrics.webhook);
  const options = { routes, hostNames: settings['host-names'], identify, log };
  const close = async (listener?: Listener): Promise<void> => {
    secrets.close();
    feed.close();
    await listener?.close();
  };
  try {
    const listener = await open('listen', settings, options, log);
    return { close: () => close(listener) };
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  name: 'listen' | 'probes-listen',
  settings: Settings,
  options: Parameters<typeof listen>[1],
  log: Log,
): Promise<Listener | undefined> {
  const place = parsePlace(name, settings[name]);
  if (place === undefined) return undefined;
  const listener = await listen(place, options).catch((error: unknown) => {
    throw new Error(`--${name} ${settings[name]}: ${messageOf(error)}`);
  });
  log.info({ url: listener.url }, name === 'listen' ? 'the API listens' : 'the probes listen');
  return listener;
}
