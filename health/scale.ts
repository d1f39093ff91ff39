import { type Health, type HealthWord, healthWords, type KubeObject } from '../sync/types.ts';

/** What a rule may need beside the object. */
export interface HealthContext {
  /** Wall time in milliseconds. */
  readonly now: number;
  /** When a StorageClass binds claims; undefined where that is not known. */
  readonly bindingMode?: (storageClass: string) => BindingMode | undefined;
  /** What rules that people wrote say of an object; undefined where nobody wrote one for its kind. */
  readonly ruled?: (object: KubeObject) => Verdict | undefined;
}

/** When a StorageClass binds claims, or that there is none of the name. */
export type BindingMode = 'Immediate' | 'WaitForFirstConsumer' | 'NotFound';

/** What a rule says. */
export interface Verdict extends Health {
  /** When to ask again although nothing happened, where time alone may change it: wall time in milliseconds. */
  readonly until?: number;
}

/** A kind's own rule. It may rely on the common rules having passed. */
export type HealthRule = (object: KubeObject, context: HealthContext) => Verdict;

/** The worse of two words: an app is as healthy as its worst object. */
function worse(a: HealthWord, b: HealthWord): HealthWord {
  return healthWords.indexOf(a) >= healthWords.indexOf(b) ? a : b;
}

/** The worst of many words; Healthy when there are none. */
export function worst(words: Iterable<HealthWord>): HealthWord {
  let found: HealthWord = 'Healthy';
  for (const word of words) found = worse(found, word);
  return found;
}

/** The first of the worst verdicts; undefined when there are none. */
export function worstOf(verdicts: readonly Verdict[]): Verdict | undefined {
  const word = worst(verdicts.map(({ status }) => status));
  return verdicts.find(({ status }) => status === word);
}

/** Whether a wave may go on past an object with this health. */
export function passesGate({ status }: Pick<Health, 'status'>): boolean {
  return status === 'Healthy' || status === 'Suspended';
}

export const healthy = (reason = 'Healthy', message = ''): Verdict => ({ status: 'Healthy', reason, message });
export const progressing = (reason: string, message: string): Verdict => ({ status: 'Progressing', reason, message });
/** Progressing, and to be asked again at a time although nothing happens: wall time in milliseconds. */
export const progressingUntil = (until: number, reason: string, message: string): Verdict => ({
  ...progressing(reason, message),
  until,
});
export const degraded = (reason: string, message: string): Verdict => ({ status: 'Degraded', reason, message });
export const suspended = (reason: string, message: string): Verdict => ({ status: 'Suspended', reason, message });
export const unknown = (reason: string, message: string): Verdict => ({ status: 'Unknown', reason, message });
