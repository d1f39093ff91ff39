import type { Clock, Cluster } from '../sync/ports.ts';
import { createEngines, indexReader } from '../sync/render/engines.ts';
import { createManifestReader } from '../sync/render/reader.ts';
import { createUnsealer } from '../sync/render/sops/unsealer.ts';
import { askJson } from '../sync/source/ask-json.ts';
import { addressRule, openConnections } from '../sync/source/connections.ts';
import { createSources } from '../sync/source/sources.ts';
import type { SharedWorld } from './deliveries.ts';
import { enginePlace } from './engine-place.ts';
import type { AskServer } from './github-app.ts';
import { createSecretReader, type SecretReader } from './secret-reader.ts';
import { type Settings, sourceAddresses } from './settings.ts';

/** What manifests are read and rendered by. */
export interface ContentParts extends Pick<SharedWorld, 'sources' | 'charts' | 'engine' | 'manifests'> {
  /** @param clusterOf the API server, as the account that reads */
  readSecrets(clusterOf: (identity: string) => Cluster, clock: Pick<Clock, 'now'>): SecretReader;
}

/** @param opened closes all of it */
export function openContent(settings: Settings, opened: AsyncDisposableStack): ContentParts {
  const limits = { deadline: settings['git-timeout'], maxBytes: settings['git-max-bytes'], maxRedirects: 3 };
  const connections = openConnections(addressRule(sourceAddresses(settings), process.env['KUBERNETES_SERVICE_HOST']));
  opened.defer(connections.close);
  const engine = createEngines(enginePlace(settings.engine));
  opened.defer(engine.close);
  const manifests = createManifestReader();
  opened.defer(manifests.close);
  const options = { limits, connections, readIndex: indexReader(engine) };
  const { sources, charts } = createSources(settings['data-dir'], options);
  opened.defer(sources.close);
  const ask: AskServer = (...asked) => askJson(connections, ...asked);
  return {
    sources,
    charts,
    engine,
    manifests,
    readSecrets: (clusterOf, clock) => createSecretReader(clusterOf, ask, createUnsealer, clock),
  };
}
