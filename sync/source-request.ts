import { type ChartReach, chartRequest } from './charts/reach.ts';
import { identityOf } from './delivery/target.ts';
import { LockstepError } from './errors.ts';
import { isSourceAllowed } from './limits.ts';
import type { ChartRequest, SourceRequest } from './ports.ts';
import type { Turn } from './session.ts';
import type { CredentialNames, Credentials, Trust } from './source/login.ts';
import { parseSourceUrl, serverOf } from './source/url.ts';

const credentialsLifetime = 300_000;

/**
 * What the source of a Delivery is asked for, and how.
 * @throws LockstepError NotAllowed, CredentialsNotFound
 */
export async function sourceRequest(turn: Turn): Promise<SourceRequest> {
  const { delivery, world } = turn;
  const { url, followed, path, namespace, sourceIgnore: ignore, submodules, isPlain, uid: user } = delivery;
  const allows = (href: string): boolean => isSourceAllowed(href, world.limits());
  const isAllowed = delivery.isChartAlone || allows(parseSourceUrl(url).href);
  if (!isAllowed)
    throw new LockstepError(
      'NotAllowed',
      `the source ${url} is not allowed for Deliveries of the namespace ${namespace}`,
    );
  const chart = await wholeChart(turn);
  const credentials = chart === undefined ? await credentialsOf(turn) : chart.credentials;
  return { url, followed, path, ignore, submodules, allows, credentials, isPlain, chart, user };
}

/** The chart that is the whole source. */
async function wholeChart(turn: Turn): Promise<ChartRequest | undefined> {
  const { chart, isChartAlone } = turn.delivery;
  return chart === undefined || !isChartAlone ? undefined : chartRequest(chartReach(turn), chart, chart);
}

/** How a Delivery reaches charts that are not in its repository. */
export function chartReach(turn: Turn): ChartReach {
  const { delivery, world } = turn;
  const { namespace, helm } = delivery;
  return {
    charts: world.charts,
    owner: namespace,
    allows: (href) => isSourceAllowed(href, world.limits()),
    credentials: () => loginOf(turn, { secret: helm?.secretRef?.name }, 'charts'),
  };
}

/** Read anew for each revision: whose signatures count may have changed. */
export async function trustOf({ delivery, world }: Turn): Promise<Trust | undefined> {
  const { verify, namespace } = delivery;
  if (verify === undefined) return undefined;
  return { mode: verify.mode, keys: await world.trustedKeys(identityOf(delivery), namespace, verify) };
}

function credentialsOf(turn: Turn): Promise<Credentials | undefined> {
  const { secretName: secret, proxySecretName: proxy, url } = turn.delivery;
  return loginOf(turn, { secret, proxy }, serverOf(parseSourceUrl(url)));
}

/** Credentials are kept for a while, but only for the Secrets and the server that they were read for. */
async function loginOf(
  { delivery, session, world }: Turn,
  names: CredentialNames,
  server: string,
): Promise<Credentials | undefined> {
  if (names.secret === undefined && names.proxy === undefined) return undefined;
  const now = world.clock.now();
  const owner = `${names.secret} ${names.proxy} ${server}`;
  for (const [other, { until }] of session.credentials) if (until <= now) session.credentials.delete(other);
  const kept = session.credentials.get(owner);
  if (kept !== undefined) return kept.value;
  const value = await world.credentials(identityOf(delivery), delivery.namespace, names);
  session.credentials.set(owner, { value, until: now + credentialsLifetime });
  return value;
}
