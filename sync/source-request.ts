import { type ChartReach, chartRequest } from './charts/reach.ts';
import type { Generator, SetSettings } from './delivery/set.ts';
import { identityOf } from './delivery/target.ts';
import { LockstepError } from './errors.ts';
import { isSourceAllowed } from './limits.ts';
import type { ChartRequest, GeneratorAsked, SetRequest, SourceRequest } from './ports.ts';
import type { Turn } from './session.ts';
import type { CredentialNames, Credentials, Trust } from './source/login.ts';
import { parseSourceUrl, serverOf } from './source/url.ts';

/** Where providers have their own API. */
const pullRequestApis = {
  github: 'https://api.github.com',
  gitlab: 'https://gitlab.com/api/v4',
  gitea: 'https://gitea.com/api/v1',
} as const;

const credentialsLifetime = 300_000;

/**
 * What the source of a Delivery is asked for, and how.
 * @throws LockstepError NotAllowed, CredentialsNotFound
 */
export async function sourceRequest(turn: Turn): Promise<SourceRequest> {
  const { delivery } = turn;
  const { url, followed, path, namespace: owner, sourceIgnore: ignore, submodules, isPlain, uid: user } = delivery;
  const allows = allowedBy(turn);
  const asked = { url, followed, path, ignore, submodules, allows, isPlain, user, owner };
  const set = delivery.set === undefined ? undefined : await setRequest(turn, delivery.set);
  if (set !== undefined) return { ...asked, set, chart: undefined, credentials: undefined };
  if (!delivery.isChartAlone) requireAllowed(allows, url, owner);
  const chart = await wholeChart(turn);
  const credentials = chart === undefined ? await credentialsOf(turn) : chart.credentials;
  return { ...asked, set, chart, credentials };
}

function allowedBy({ world }: Turn): (href: string) => boolean {
  return (href) => isSourceAllowed(href, world.limits());
}

/** @throws LockstepError NotAllowed */
function requireAllowed(allows: (href: string) => boolean, url: string, namespace: string): void {
  if (allows(parseSourceUrl(url).href)) return;
  throw new LockstepError(
    'NotAllowed',
    `the source ${url} is not allowed for Deliveries of the namespace ${namespace}`,
  );
}

/** How the generators of a set are asked: each looks into its repository for itself. */
async function setRequest(turn: Turn, { generators, template }: SetSettings): Promise<SetRequest> {
  const asked: GeneratorAsked[] = [];
  for (const [index, generator] of generators.entries()) asked.push(await generatorAsked(turn, generator, index));
  return { generators: asked, template };
}

async function generatorAsked(turn: Turn, generator: Generator, index: number): Promise<GeneratorAsked> {
  if (generator.by === 'list') return generator;
  const allows = allowedBy(turn);
  const { namespace, uid } = turn.delivery;
  const { secretName: secret, ...rest } = generator;
  if (rest.by === 'pullRequests') {
    const api = rest.api ?? pullRequestApis[rest.provider];
    requireAllowed(allows, api, namespace);
    return { ...rest, api, credentials: await loginOf(turn, { secret }, new URL(api).origin) };
  }
  const { by, url, followed, include, exclude } = rest;
  requireAllowed(allows, url, namespace);
  const credentials = await loginOf(turn, { secret }, serverOf(parseSourceUrl(url)));
  const user = `${uid} ${index}`;
  const none = { path: '', ignore: undefined, submodules: false, isPlain: false, chart: undefined, set: undefined };
  return { by, include, exclude, request: { url, followed, ...none, allows, credentials, user, owner: namespace } };
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
    allows: allowedBy(turn),
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
