import { LockstepError } from '../errors.ts';
import type { ChartRequest, Charts } from '../ports.ts';
import { type Credentials, elsewhere } from '../source/login.ts';
import { chartUrl, parseSourceUrl, serverOf } from '../source/url.ts';

/** How charts are reached that do not stand in the repository. */
export interface ChartReach {
  readonly charts: Charts;
  /** Whose work it is. */
  readonly owner: string;
  /** Whether a repository of charts may be read. */
  allows(href: string): boolean;
  /** The login that `spec.render.helm.secretRef` names. @throws LockstepError CredentialsNotFound */
  credentials(): Promise<Credentials | undefined>;
}

/** A chart as somebody names it. */
export interface NamedChart {
  readonly repository: string;
  readonly name: string;
  /** A version or a range; empty for the highest release. */
  readonly version: string;
}

/** The repository of charts that a Delivery names. */
export interface HomeRepository {
  readonly repository: string;
  /** Whether a registry is asked without TLS. */
  readonly isPlain: boolean;
}

/**
 * What a chart is asked for by. The login goes to the server of the Delivery's own repository of charts; elsewhere it only counts
 * as far as the Secret itself names the server.
 * @throws LockstepError NotAllowed, InvalidSpec, CredentialsNotFound
 */
export async function chartRequest(
  reach: ChartReach,
  { repository, name, version }: NamedChart,
  home: HomeRepository | undefined,
): Promise<ChartRequest> {
  const server = serverAt(repository);
  if (!reach.allows(isRegistry(repository) ? parseSourceUrl(chartUrl(repository, name)).href : repository))
    throw new LockstepError('NotAllowed', `the repository of charts ${repository} is not allowed as a source`);
  const credentials = await reach.credentials();
  const isHome = home !== undefined && serverAt(home.repository) === server;
  const own = isHome ? credentials : elsewhere(credentials);
  return { repository, chart: name, version, credentials: own, isPlain: isHome && home.isPlain, owner: reach.owner };
}

function isRegistry(repository: string): boolean {
  return repository.startsWith('oci://');
}

/** @throws LockstepError InvalidSpec, SourceUnsupported */
function serverAt(repository: string): string {
  const named = isRegistry(repository) ? chartUrl(repository, 'chart') : repository;
  return serverOf(parseSourceUrl(named, 'the repository of a chart'));
}
