import { hashText } from '../../../diff/hash.ts';
import { LockstepError } from '../../errors.ts';
import type { ChartRequest, Charts, LockedChart, Snapshot, SourceRequest, Sources, SourceTip } from '../../ports.ts';
import type { Commit } from '../../types.ts';
import { chooseVersion, type Followed, followedText } from '../follow.ts';
import { type Layer, layerOf, listFiles, readLayer } from '../listing.ts';
import { sharing } from '../sharing.ts';
import type { Tree } from '../tree.ts';
import { normalizePath } from '../url.ts';
import { chartKey } from './charts.ts';
import { folderAt, viewOfTree } from './file-tree.ts';
import { type Artifact, type Layer as ArtifactLayer, helmChartType, type Registry } from './registry.ts';
import { placeKey, type RegistryPlace } from './registry-tokens.ts';
import type { Unpacked } from './unpacked.ts';

/** What artifacts are read by. */
export interface ArtifactSources {
  readonly registry: Registry;
  readonly unpacked: Unpacked;
  readonly charts: Charts;
}

/** The most bytes of the archive of an artifact. */
const maxArchive = 50 * 1024 * 1024;
const archiveLayer = /tar(\+gzip|\.gzip)?$/;

/** Artifacts of registries, as Flux pushes manifests and Helm charts, and charts that are a source of their own. */
export function openArtifacts({ registry, unpacked, charts }: ArtifactSources): Omit<Sources, 'leave' | 'close'> {
  const tips = sharing<SourceTip>(() => performance.now());

  async function tipOf(request: SourceRequest): Promise<SourceTip> {
    if (request.chart !== undefined) {
      const { version, digest } = await charts.locate(request.chart);
      return { revision: digest, ref: `${request.chart.chart} ${version}`, object: digest };
    }
    const { followed } = request;
    if (followed.kind === 'commit') return { revision: followed.oid, ref: undefined, object: followed.oid };
    const tag = await tagOf(request, followed);
    const digest = await registry.digestOf(request, tag);
    return { revision: digest, ref: `refs/tags/${tag}`, object: digest };
  }

  async function tagOf(place: RegistryPlace, followed: Exclude<Followed, { kind: 'commit' }>): Promise<string> {
    if (followed.kind === 'ref') return followed.name.replace('refs/tags/', '');
    const found = chooseVersion(followed.range, await registry.tags(place));
    if (found !== undefined) return found;
    throw new LockstepError('RefNotFound', `${place.url} has no tag for ${JSON.stringify(followed.range)}`);
  }

  async function readArtifact(
    request: SourceRequest,
    { revision }: SourceTip,
  ): Promise<{ tree: Tree; commit: Commit }> {
    const artifact = await registry.artifact(request, revision);
    const layer = manifestLayer(artifact, request.url);
    const isChart = layer.mediaType === helmChartType;
    const what = `${request.url} at ${revision}`;
    const tree = await unpacked.tree({ digest: layer.digest, reader: placeKey(request), what, isChart }, () =>
      registry.layer(request, layer, maxArchive),
    );
    return { tree, commit: commitOf(artifact) };
  }

  async function readChart(chart: ChartRequest, { object, ref }: SourceTip): Promise<{ tree: Tree; commit: Commit }> {
    const locked: LockedChart = await charts.locate(chart);
    if (locked.digest !== object)
      throw new LockstepError('SourceUnreachable', 'the chart moved while it was read; it is tried again');
    const subject = ref ?? chart.chart;
    const commit = { revision: object, author: chart.repository, subject, time: new Date(0).toISOString() };
    return { tree: await charts.read(chart, locked), commit };
  }

  return {
    tip: (request) => tips(questionOf(request), () => tipOf(request), request.maxAge),
    read: async (request, tip) => {
      const { tree, commit } =
        request.chart === undefined ? await readArtifact(request, tip) : await readChart(request.chart, tip);
      const names =
        request.chart === undefined
          ? normalizePath(request.path)
              .split('/')
              .filter((name) => name !== '')
          : [];
      const folder = folderAt(tree, names);
      if (folder === undefined)
        throw new LockstepError(
          'PathNotFound',
          `the folder ${JSON.stringify(names.join('/'))} is not in ${request.url}`,
        );
      const own =
        request.ignore === undefined
          ? undefined
          : readLayer(request.ignore, 0, hashText(request.ignore), 'spec.source.ignore');
      const layers = layersAbove(tree, names);
      const files = listFiles(folder, names, { layers, own });
      const key = hashText([folder.oid, ...layers.map((layer) => layer.key)].join(' '));
      return { commit, ref: tip.ref, signer: undefined, tree: key, files, view: viewOfTree(tree) } satisfies Snapshot;
    },
    // Artifacts have no history: each stands for itself.
    follows: async () => true,
  };
}

/** Equal ones ask the same. */
function questionOf({ followed, chart, ...request }: SourceRequest): string {
  return chart === undefined ? `${placeKey(request)} ${followedText(followed)}` : chartKey(chart);
}

function layersAbove(root: Tree, names: readonly string[]): Layer[] {
  return names.flatMap((_name, depth) => {
    const above = names.slice(0, depth);
    return layerOf(folderAt(root, above)?.files ?? [], depth, [...above, ''].join('/')) ?? [];
  });
}

/** A chart, or the first archive. */
function manifestLayer({ layers, digest }: Artifact, url: string): ArtifactLayer {
  const found =
    layers.find(({ mediaType }) => mediaType === helmChartType) ??
    layers.find(({ mediaType }) => archiveLayer.test(mediaType));
  if (found !== undefined) return found;
  const types = layers.map(({ mediaType }) => mediaType).join(', ');
  throw new LockstepError(
    'SourceUnsupported',
    `${url} at ${digest} holds no archive of files, but ${types || 'nothing'}`,
  );
}

/** What the artifact says of itself, in the words of OCI. */
function commitOf({ digest, annotations }: Artifact): Commit {
  const noted = (key: string): string => (annotations[`org.opencontainers.image.${key}`] ?? '').slice(0, 200);
  const created = Date.parse(noted('created'));
  return {
    revision: digest,
    author: noted('authors') || noted('source') || 'nobody that it names',
    subject: noted('revision') || noted('title') || noted('version') || digest,
    time: new Date(Number.isNaN(created) ? 0 : created).toISOString(),
  };
}
