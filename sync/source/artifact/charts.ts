import { LockstepError } from '../../errors.ts';
import type { ChartRequest, Charts, LockedChart } from '../../ports.ts';
import { chooseVersion, isDigest } from '../follow.ts';
import { sharing } from '../sharing.ts';
import { chartUrl } from '../url.ts';
import type { ChartRepositories } from './chart-repository.ts';
import { learnDigests } from './learned.ts';
import { type Artifact, digestOfBytes, helmChartType, type Registry } from './registry.ts';
import { placeKey, type RegistryPlace } from './registry-tokens.ts';
import type { Unpacked } from './unpacked.ts';

/** What charts are fetched by. */
export interface ChartSources {
  readonly repositories: ChartRepositories;
  readonly registry: Registry;
  readonly unpacked: Unpacked;
}

/** The most bytes of the archive of a chart. */
const maxArchive = 20 * 1024 * 1024;

/** Charts of repositories over HTTP, and of registries. */
export function openCharts({ repositories, registry, unpacked }: ChartSources): Charts {
  const located = sharing<LockedChart>();
  const learned = learnDigests(repositories, maxArchive);

  async function locateInRegistry(request: ChartRequest): Promise<LockedChart> {
    const place = chartPlace(request);
    if (isDigest(request.version)) {
      const { version: digest } = request;
      return {
        version: digest,
        digest: layerOf(await registry.artifact(place, digest), place.url).digest,
        from: digest,
      };
    }
    const version = isWhole(request.version)
      ? request.version
      : chooseVersion(request.version, await versionsAt(place));
    if (version === undefined) throw notFound(request, `${place.url} has`);
    const digest = await registry.digestOf(place, version.replaceAll('+', '_'));
    const artifact = await registry.artifact(place, digest);
    return { version, digest: layerOf(artifact, place.url).digest, from: digest };
  }

  /** A plus is no letter of a tag: Helm writes a line instead. */
  async function versionsAt(place: RegistryPlace): Promise<string[]> {
    return (await registry.tags(place)).map((tag) => tag.replaceAll('_', '+'));
  }

  async function locateInIndex(request: ChartRequest): Promise<LockedChart> {
    const listed = await repositories.versions(request);
    const version = chooseVersion(
      request.version,
      listed.map((one) => one.version),
    );
    const found = listed.find((one) => one.version === version);
    if (version === undefined || found === undefined) throw notFound(request, `${request.repository} lists`);
    const reader = placeKey(chartPlace(request));
    const keep = (learnt: string, bytes: Buffer) => unpacked.keep({ digest: learnt, reader }, bytes);
    const digest = found.digest ?? (await learned.of(request, found.url, keep));
    return { version, digest, from: found.url };
  }

  async function fetch(request: ChartRequest, { digest, from, version }: LockedChart): Promise<Buffer> {
    if (isInRegistry(request)) {
      const place = chartPlace(request);
      return registry.layer(place, layerOf(await registry.artifact(place, from), place.url), maxArchive);
    }
    const { bytes } = await repositories.archive(request, from, maxArchive);
    if (digestOfBytes(bytes) === digest) return bytes;
    learned.forget(request, from);
    throw new LockstepError(
      'SourceUnreachable',
      `the chart ${request.chart} ${version} is not the one that the index of ${request.repository} lists: its digest is another one`,
    );
  }

  return {
    locate: (request) =>
      located(chartKey(request), () => (isInRegistry(request) ? locateInRegistry(request) : locateInIndex(request))),
    read: (request, locked) => {
      const what = `the chart ${request.chart} ${locked.version}`;
      const name = { digest: locked.digest, reader: placeKey(chartPlace(request)), what, isChart: true };
      return unpacked.tree(name, () => fetch(request, locked));
    },
  };
}

/** Where a chart is, in a registry as in a repository: what is asked for below it. */
function chartPlace({ repository, chart, credentials, isPlain }: ChartRequest): RegistryPlace {
  return { url: chartUrl(repository, chart), credentials, isPlain };
}

/** Equal ones ask the same. */
export function chartKey({ repository, chart, version, credentials, isPlain }: ChartRequest): string {
  return `${placeKey({ url: repository, credentials, isPlain })} ${chart} ${version}`;
}

/** Not a range: nothing needs to be listed. */
function isWhole(version: string): boolean {
  return /^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$/.test(version);
}

function isInRegistry({ repository }: ChartRequest): boolean {
  return repository.startsWith('oci://');
}

function layerOf({ layers }: Artifact, url: string) {
  const layer = layers.find(({ mediaType }) => mediaType === helmChartType);
  if (layer === undefined) throw new LockstepError('SourceUnsupported', `${url} holds no chart of Helm`);
  return layer;
}

function notFound({ chart, version }: ChartRequest, who: string): LockstepError {
  const range = version === '' ? 'that is a release' : `for ${JSON.stringify(version)}`;
  return new LockstepError('ChartNotFound', `${who} no version of the chart ${chart} ${range}`);
}
