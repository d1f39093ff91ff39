import { nameOf } from './delivery/delivery.ts';
import { inSlices } from './parallel.ts';
import type { Snapshot } from './ports.ts';
import type { ChartValues, EngineDocument } from './render/engine-port.ts';
import { type Rendered, readManifests } from './render/plain.ts';
import { askedBy, engineRequestOf, isUnchanged, looking, renderKey } from './render/rendering.ts';
import type { Turn } from './session.ts';

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
 * @param values for a chart, before those that the Delivery has
 * @returns undefined for plain manifests
 * @throws LockstepError InvalidManifests for settings that do not fit, RenderFailed, EngineMissing
 */
export async function makeByEngine(
  turn: Turn,
  { files, view }: Snapshot,
  values: readonly ChartValues[],
): Promise<EngineMade | undefined> {
  const { delivery, session, world } = turn;
  const request = engineRequestOf(delivery, files, world.kinds.capabilities, values);
  if (request === undefined) return undefined;
  const asked = askedBy(request);
  const { made } = session;
  if (made?.asked === asked && isUnchanged(made.looked, view))
    return { key: renderKey(asked, made.looked), rendered: made.rendered };
  const watched = looking(view);
  try {
    const documents = await world.engine.render(delivery.namespace, request, watched.view);
    const rendered = await readDocuments(documents);
    session.made = { asked, looked: watched.looked, rendered };
    world.log.debug({ delivery: nameOf(delivery), looked: watched.looked.size }, 'the engine has rendered');
    return { key: renderKey(asked, watched.looked), rendered };
  } catch (error) {
    return { key: renderKey(asked, watched.looked), rendered: error as Error };
  }
}

async function readDocuments(documents: readonly EngineDocument[]): Promise<Rendered> {
  const all: Rendered[] = [];
  await inSlices(documents, 1, (some) => {
    for (const { file, text } of some) all.push(readManifests(file, text));
  });
  return {
    objects: all.flatMap(({ objects }) => objects),
    problems: all.flatMap(({ problems }) => problems),
  };
}
