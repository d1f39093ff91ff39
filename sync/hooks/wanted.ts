import { hashValue } from '../../diff/hash.ts';
import { type JsonObject, numberAt } from '../../diff/json.ts';
import type { Desired } from '../render/check.ts';
import { type KubeObject, keyOf, refOf } from '../types.ts';
import { deletePoliciesOf, type Hook, isHook, isIrreversible, type Phase, phasesOf } from './phases.ts';

/** An object that is wanted in one phase of a release. */
export interface Wanted extends Desired {
  readonly phase: Phase;
  readonly hook: Hook | undefined;
}

/** Kinds that run once and are done: for these a second phase means a second run. All others are there from the first on. */
const runningKinds: ReadonlySet<string> = new Set(['Job', 'Pod', 'Workflow', 'TaskRun', 'PipelineRun']);

/** Whether an object of this kind runs, and is done. */
export function isRun({ kind }: Pick<KubeObject, 'kind'>): boolean {
  return runningKinds.has(kind);
}

/**
 * What a release wants, each in its phase. A hook of several phases runs once in each, under a name of its own in all but
 * the first.
 * @param isFirst whether nothing was good before
 */
export function inPhases(
  desired: readonly Desired[],
  isFirst: boolean,
): { readonly wanted: Wanted[]; readonly idle: ReadonlySet<string> } {
  const wanted: Wanted[] = [];
  const idle = new Set<string>();
  for (const one of desired) {
    if (!isHook(one.manifest)) wanted.push({ ...one, phase: 'Sync', hook: undefined });
    else {
      const inOrder = phasesOf(one.manifest, isFirst);
      if (inOrder.length === 0) idle.add(one.key);
      else wanted.push(...inEachPhase(one, inOrder));
    }
  }
  return { wanted, idle };
}

function inEachPhase(one: Desired, inOrder: readonly Phase[]): Wanted[] {
  const deletes = deletePoliciesOf(one.manifest);
  const ran = isRun(one.manifest) ? inOrder : inOrder.slice(0, 1);
  const timeToLive = numberAt(one.manifest, 'spec', 'ttlSecondsAfterFinished');
  const lives = timeToLive === undefined || one.manifest.kind !== 'Job' ? {} : { timeToLive };
  const plain = 'timeToLive' in lives ? withoutLifetime(one) : one;
  return ran.map((phase, index) => {
    const hook = { phase, deletes, ...lives, ...(isIrreversible(one.manifest) ? { isIrreversible: true } : {}) };
    return { ...(index === 0 ? plain : renamed(plain, phase)), phase, hook };
  });
}

function withoutLifetime({ key, manifest }: Desired): Desired {
  const { ttlSecondsAfterFinished: _seconds, ...spec } = manifest['spec'] as JsonObject;
  const other = { ...manifest, spec };
  return { key, manifest: other, hash: hashValue(other) };
}

function renamed({ manifest }: Desired, phase: Phase): Desired {
  const { metadata } = manifest;
  const other = { ...manifest, metadata: { ...metadata, name: `${metadata.name}-${phase.toLowerCase()}` } };
  return { key: keyOf(refOf(other)), manifest: other, hash: hashValue(other) };
}
