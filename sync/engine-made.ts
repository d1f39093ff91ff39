import { hashText } from '../diff/hash.ts';
import { toJson } from '../diff/json.ts';
import { nameOf } from './delivery/delivery.ts';
import { inSlices } from './parallel.ts';
import type { Snapshot } from './ports.ts';
import type { EngineDocument, EngineRequest } from './render/engine-port.ts';
import { type Rendered, readManifests } from './render/plain.ts';
import { engineRequestOf, isUnchanged, keyOfLooked, type Looked, looking } from './render/rendering.ts';
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
 * @returns undefined for plain manifests
 * @throws LockstepError InvalidManifests for settings that do not fit, RenderFailed, EngineMissing
 */
export async function makeByEngine(turn: Turn, { files, view }: Snapshot): Promise<EngineMade | undefined> {
  const { delivery, session, world } = turn;
  const request = engineRequestOf(delivery, files, world.kinds.capabilities);
  if (request === undefined) return undefined;
  const asked = askedBy(request);
  const { made } = session;
  if (made?.asked === asked && isUnchanged(made.looked, view))
    return { key: keyOf(asked, made.looked), rendered: made.rendered };
  const watched = looking(view);
  try {
    const documents = await world.engine.render(delivery.namespace, request, watched.view);
    const rendered = await readDocuments(documents);
    session.made = { asked, looked: watched.looked, rendered };
    world.log.debug({ delivery: nameOf(delivery), looked: watched.looked.size }, 'the engine has rendered');
    return { key: keyOf(asked, watched.looked), rendered };
  } catch (error) {
    return { key: keyOf(asked, watched.looked), rendered: error as Error };
  }
}

/** What the cluster serves decides what a chart makes, but no release begins because of that alone. */
function askedBy(request: EngineRequest): string {
  if ('kustomize' in request) return hashText(toJson(request));
  const { kubeVersion: _version, apiVersions: _apis, ...helm } = request.helm;
  return hashText(toJson({ ...helm, values: helm.values.map(({ name, text }) => [name, text ?? null]) }));
}

function keyOf(asked: string, looked: Looked): string {
  return hashText(`${asked} ${keyOfLooked(looked)}`);
}

async function readDocuments(documents: readonly EngineDocument[]): Promise<Rendered> {
  const all: Rendered[] = [];
  await inSlices(documents, 20, (some) => {
    for (const { file, text } of some) all.push(readManifests(file, text));
  });
  return {
    objects: all.flatMap(({ objects }) => objects),
    problems: all.flatMap(({ problems }) => problems),
  };
}
