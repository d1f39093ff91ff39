import { join } from 'node:path';
import type { Charts, SourceRequest, Sources } from '../ports.ts';
import { openArtifacts } from './artifact/artifacts.ts';
import { openChartRepositories, type ReadIndex } from './artifact/chart-repository.ts';
import { openCharts } from './artifact/charts.ts';
import { openKeptArchives } from './artifact/kept-archives.ts';
import { openRegistry } from './artifact/registry.ts';
import { openRegistryTokens } from './artifact/registry-tokens.ts';
import { openUnpacked } from './artifact/unpacked.ts';
import { openWeb } from './artifact/web.ts';
import type { Connections } from './connections.ts';
import { createGitSources } from './git.ts';
import { openSets } from './set/sets.ts';
import { type TransportLimits, transportDefaults } from './transport.ts';

/** What reading sources may cost, and where it may lead. */
export interface SourceOptions {
  readonly limits?: TransportLimits;
  /** They are closed by who has opened them. */
  readonly connections: Connections;
  readonly readIndex: ReadIndex;
}

/**
 * Everything that manifests come from: repositories of Git, artifacts of registries, and charts. On disk is only what was
 * fetched, and never a credential.
 * @param folder a cache: it may be lost at any time
 */
export function createSources(
  folder: string,
  { limits = transportDefaults, connections, readIndex }: SourceOptions,
): { readonly sources: Sources; readonly charts: Charts } {
  const git = createGitSources(folder, { limits, connections });
  const web = openWeb(connections);
  const registry = openRegistry(web, openRegistryTokens(web));
  const unpacked = openUnpacked(openKeptArchives(join(folder, 'archives')));
  const charts = openCharts({ repositories: openChartRepositories(web, readIndex), registry, unpacked });
  const artifacts = openArtifacts({ registry, unpacked, charts });

  const read = (request: SourceRequest): Omit<Sources, 'leave' | 'close'> => {
    if (!isArtifact(request)) return git;
    // Whoever goes over to a registry lets go of the repository of Git before.
    git.leave(request.user);
    return artifacts;
  };
  const repositories: Pick<Sources, 'tip' | 'read' | 'leave'> = {
    tip: (request) => read(request).tip(request),
    read: (request, tip, trust) => read(request).read(request, tip, trust),
    leave: git.leave,
  };
  const sets = openSets(repositories, web);
  const of = (request: SourceRequest) => (request.set === undefined ? read(request) : sets);

  const sources: Sources = {
    tip: (request) => of(request).tip(request),
    read: (request, tip, trust) => of(request).read(request, tip, trust),
    follows: (request, revision, before) => of(request).follows(request, revision, before),
    leave: (user) => {
      git.leave(user);
      sets.leave(user);
    },
    close: git.close,
  };
  return { sources, charts };
}

function isArtifact({ url, chart }: SourceRequest): boolean {
  return chart !== undefined || url.startsWith('oci://');
}
