import { type Health, type HealthWord, healthWords, type KubeObject } from '../sync/types.ts';

/** What a rule may need beside the object. */
export interface HealthContext {
  /** Wall time in milliseconds. */
  readonly now: number;
  /** When a StorageClass binds claims; undefined where that is not known. */
  readonly bindingMode?: (storageClass: string) => BindingMode | undefined;
}

/** When a StorageClass binds claims, or that there is none of the name. */
export type BindingMode = 'Immediate' | 'WaitForFirstConsumer' | 'NotFound';

/** A kind's own rule. It may rely on the common rules having passed. */
export type HealthRule = (object: KubeObject, context: HealthContext) => Health;

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

/** Whether a wave may go on past an object with this health. */
export function passesGate(health: Health): boolean {
  return health.status === 'Healthy' || health.status === 'Suspended';
}

export const healthy = (reason = 'Healthy', message = ''): Health => ({ status: 'Healthy', reason, message });
export const progressing = (reason: string, message: string): Health => ({ status: 'Progressing', reason, message });
export const degraded = (reason: string, message: string): Health => ({ status: 'Degraded', reason, message });
export const suspended = (reason: string, message: string): Health => ({ status: 'Suspended', reason, message });
