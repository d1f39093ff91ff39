import type { KnownName } from '../annotations.ts';
import { parts } from '../options.ts';
import { annotation, type KubeObject } from '../types.ts';

/** The phases of a release in which hooks run. Those that lie on the way forward come first, in their order. */
export const phases = [
  'PreSync',
  'Sync',
  'PostSync',
  'SyncFail',
  'PreRollback',
  'PostRollback',
  'PreDelete',
  'PostDelete',
] as const;
export type Phase = (typeof phases)[number];

const deletePolicies = ['HookSucceeded', 'HookFailed'] as const;

/** When the object of a hook is deleted again. Before it is made anew the one of an earlier release always goes. */
export type DeletePolicy = (typeof deletePolicies)[number];

/** What makes an object a hook: it runs once in each release, and is neither healed nor brought back. */
export interface Hook {
  readonly phase: Phase;
  readonly deletes: readonly DeletePolicy[];
  /** Once it has succeeded, nothing brings back what was before: no rollback is made by itself. */
  readonly isIrreversible?: boolean;
  /** The time to live of a Job that has ended, in seconds. It is only set once its end is recorded. */
  readonly timeToLive?: number;
}

/** Values of Helm's annotation. Those that are not hooks of a release stand for nothing. */
const helmPhases: Readonly<Record<string, Phase | 'nothing'>> = {
  'pre-install': 'PreSync',
  'pre-upgrade': 'PreSync',
  'post-install': 'PostSync',
  'post-upgrade': 'PostSync',
  'pre-rollback': 'PreRollback',
  'post-rollback': 'PostRollback',
  'pre-delete': 'PreDelete',
  'post-delete': 'PostDelete',
  test: 'nothing',
  'test-success': 'nothing',
  'test-failure': 'nothing',
};

const hookNames = ['lockstep.dev/hook', 'argocd.argoproj.io/hook', 'helm.sh/hook'] as const;
const policyNames: readonly KnownName[] = [
  'lockstep.dev/hook-delete-policy',
  'argocd.argoproj.io/hook-delete-policy',
  'helm.sh/hook-delete-policy',
];

/** The annotation that makes an object a hook, own prefix first, and its words. */
function asked(manifest: KubeObject): { name: (typeof hookNames)[number]; words: string[] } | undefined {
  const name = hookNames.find((one) => annotation(manifest, one) !== undefined);
  if (name === undefined) return undefined;
  const words = parts(annotation(manifest, name)).filter((word) => word !== '' && word !== 'Skip');
  // Helm 2 marked definitions this way; they are ordinary objects.
  return words.length === 0 || (name === 'helm.sh/hook' && words.includes('crd-install')) ? undefined : { name, words };
}

/** Whether an object is a hook of some phase, or of none that a release has. */
export function isHook(manifest: KubeObject): boolean {
  return asked(manifest) !== undefined;
}

/**
 * The phases in which an object runs in a release, in their order; empty when it runs in none of this one.
 * @param isFirst whether nothing was good before: Helm tells an install from an upgrade
 */
export function phasesOf(manifest: KubeObject, isFirst: boolean): Phase[] {
  const hook = asked(manifest);
  if (hook === undefined) return [];
  const wanted = new Set(hook.words.map((word) => phaseOfWord(hook.name, word, isFirst)));
  return phases.filter((phase) => wanted.has(phase));
}

function phaseOfWord(name: string, word: string, isFirst: boolean): string {
  if (name !== 'helm.sh/hook') return word;
  const isOfOther = isFirst ? word.endsWith('-upgrade') : word.endsWith('-install');
  return isOfOther ? 'nothing' : (helmPhases[word] ?? 'nothing');
}

/** The words of delete policies. What is always done stands for no policy. */
const policyWords: ReadonlyMap<string, DeletePolicy | 'always'> = new Map([
  ['HookSucceeded', 'HookSucceeded'],
  ['hook-succeeded', 'HookSucceeded'],
  ['HookFailed', 'HookFailed'],
  ['hook-failed', 'HookFailed'],
  ['BeforeHookCreation', 'always'],
  ['before-hook-creation', 'always'],
  ['', 'always'],
]);

/** When the object of a hook is deleted, by whichever annotation says so. Words that are always done mean nothing. */
export function deletePoliciesOf(manifest: KubeObject): DeletePolicy[] {
  const words = policyNames.flatMap((name) => parts(annotation(manifest, name)));
  const asked = new Set(words.map((word) => policyWords.get(word)));
  return deletePolicies.filter((policy) => asked.has(policy));
}

/** Whether a hook says that what it does can't be undone. */
export function isIrreversible(manifest: KubeObject): boolean {
  return annotation(manifest, 'lockstep.dev/irreversible') === 'true';
}

/** What is wrong with the annotations of a hook: a misspelt one must not leave it out unseen. */
export function hookProblems(manifest: KubeObject): string[] {
  const hook = asked(manifest);
  const known: readonly string[] = hook?.name === 'helm.sh/hook' ? Object.keys(helmPhases) : phases;
  const wrong = (hook?.words ?? []).filter((word) => !known.includes(word));
  const policies = policyNames.flatMap((name) =>
    parts(annotation(manifest, name)).flatMap((word) =>
      policyWords.has(word)
        ? []
        : [
            `${name}: ${JSON.stringify(word)} is no delete policy; there are HookSucceeded, HookFailed, BeforeHookCreation`,
          ],
    ),
  );
  const undone = annotation(manifest, 'lockstep.dev/irreversible');
  const isOdd = undone !== undefined && (hook === undefined || !['true', 'false'].includes(undone));
  return [
    ...(isOdd ? ['lockstep.dev/irreversible is true or false, and belongs on a hook'] : []),
    ...wrong.map((word) => `${hook?.name}: ${JSON.stringify(word)} is no phase; there are ${known.join(', ')}, Skip`),
    ...policies,
  ];
}

/** Farther apart than any two waves of one phase. */
const apart = 10_000_000_000;

/**
 * The place of a wave among all waves of a release, as one number: in the phase Sync it is the wave itself, those of
 * other phases lie below or above all of them.
 */
export function gateOf(phase: Phase, wave: number): number {
  return (phases.indexOf(phase) - phases.indexOf('Sync')) * apart + wave;
}

/** The phase and the wave that a place among all waves stands for. */
export function phaseOfGate(gate: number): { phase: Phase; wave: number } {
  const index = Math.round(gate / apart);
  return { phase: phases[index + phases.indexOf('Sync')] ?? 'Sync', wave: gate - index * apart };
}

/** Whether a wave is reached on the way forward. */
export function isForward(gate: number): boolean {
  return gate < gateOf('SyncFail', 0) - apart / 2;
}

/** A wave as data: its number, and the phase where that is not Sync. */
export function shownWave(gate: number): { wave: number; phase?: Phase } {
  const { phase, wave } = phaseOfGate(gate);
  return phase === 'Sync' ? { wave } : { wave, phase };
}

/** A wave as it is shown: its number, and before it the phase where that is not Sync. */
export function waveTitle(gate: number): string {
  const { phase, wave } = phaseOfGate(gate);
  return phase === 'Sync' ? String(wave) : `${phase} ${wave}`;
}
