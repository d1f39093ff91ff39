import { missingParts, partsKey } from './charts/parts.ts';
import type { ChartReach } from './charts/reach.ts';
import { nameOf } from './delivery/delivery.ts';
import type { GivenValues } from './given-values.ts';
import { breathe } from './parallel.ts';
import type { Snapshot } from './ports.ts';
import type { EngineDocument, RenderRequest, RepositoryView } from './render/engine-port.ts';
import { type Mounts, withMounts } from './render/mounts.ts';
import { type Rendered, readManifests } from './render/plain.ts';
import { longText } from './render/reader-port.ts';
import {
  askedBy,
  inCluster,
  isUnchanged,
  laidCharts,
  looking,
  renderKey,
  renderRequestOf,
} from './render/rendering.ts';
import type { Unsealer } from './render/sops/port.ts';
import { unsealedView } from './render/unsealed.ts';
import type { MadeParts, Turn } from './session.ts';
import { viewOfTree } from './source/artifact/file-tree.ts';
import { chartReach } from './source-request.ts';

/** What a kustomization or a chart came to, and what it is known by. */
export interface EngineMade {
  /** Of everything in the repository that it was made of: equal keys are equal contents. */
  readonly key: string;
  /** Or why it can't be made. */
  readonly rendered: Rendered | Error;
}

/**
 * Has the engine render what asks for it. What it looked at in the repository is remembered: as long as all of that is the
 * same, whatever else is pushed, nothing is rendered anew.
 * @param given values and charts of elsewhere
 * @param unsealer opens what is encrypted
 * @returns undefined for plain manifests
 * @throws LockstepError InvalidManifests for settings that do not fit, RenderFailed, EngineMissing, ChartNotFound
 */
export async function makeByEngine(
  turn: Turn,
  { files, view: repository }: Snapshot,
  given: GivenValues,
  unsealer: Unsealer,
): Promise<EngineMade | undefined> {
  const { delivery, session, world } = turn;
  const reach = chartReach(turn);
  const base = await withChart(repository, given, reach);
  const request = renderRequestOf(delivery, files, given.chart);
  if (request === undefined) return undefined;
  const { parts, mounts } = await partsOf(turn, base, request, reach);
  const view = withMounts(base, mounts);
  const asked = askedBy(request);
  const { made } = session;
  if (made?.asked === asked && isUnchanged(made.looked, view))
    return { key: renderKey(asked, made.looked), rendered: made.rendered };
  const watched = looking(view);
  const whole = await inCluster(request, world.kinds.capabilities);
  try {
    const documents = await world.engine.render(delivery.namespace, whole, unsealedView(watched.view, unsealer));
    const rendered = await readDocuments(documents, (file, text) =>
      world.manifests.read(delivery.namespace, file, text),
    );
    session.made = { parts, asked, looked: watched.looked, rendered };
    world.log.debug({ delivery: nameOf(delivery), looked: watched.looked.size }, 'the engine has rendered');
    return { key: renderKey(asked, watched.looked), rendered };
  } catch (error) {
    return { key: renderKey(asked, watched.looked), rendered: error as Error };
  }
}

/** The repository, with the chart that the Delivery names beside it. */
export async function withChart(
  repository: RepositoryView,
  { located }: GivenValues,
  { charts }: ChartReach,
): Promise<RepositoryView> {
  if (located === undefined) return repository;
  const { request, locked } = located;
  const tree = await charts.read(request, locked);
  return withMounts(repository, new Map([[laidCharts, viewOfTree(tree)]]));
}

/** Charts of elsewhere are asked for again only when what names them has changed. */
async function partsOf(
  { delivery, session }: Turn,
  view: RepositoryView,
  request: RenderRequest,
  reach: ChartReach,
): Promise<{ readonly parts: MadeParts; readonly mounts: Mounts }> {
  if (!('helm' in request)) return { parts: { key: '', fetched: new Map() }, mounts: new Map() };
  const { chart } = request.helm;
  const key = `${chart} ${partsKey(view, chart)}`;
  const before = session.made?.parts;
  const parts = before?.key === key ? before : { key, fetched: new Map<string, RepositoryView>() };
  return { parts, mounts: await missingParts(view, chart, reach, delivery.chart, parts.fetched) };
}

/** @param apart reads long texts */
async function readDocuments(
  documents: readonly EngineDocument[],
  apart: (file: string, text: string) => Promise<Rendered>,
): Promise<Rendered> {
  const all: Rendered[] = [];
  for (const { file, text } of documents) {
    await breathe();
    all.push(text.length > longText ? await apart(file, text) : readManifests(file, text));
  }
  return {
    objects: all.flatMap(({ objects }) => objects),
    problems: all.flatMap(({ problems }) => problems),
  };
}
