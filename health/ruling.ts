import type { JsonObject } from '../diff/json.ts';
import type { KubeObject } from '../sync/types.ts';
import { generationOf } from './kinds/generation.ts';
import type { OwnRule } from './own-rules.ts';
import { progressingUntil, type Verdict } from './scale.ts';
import type { Tracked } from './tracked.ts';

/** Asks a rule about an object; undefined says that it leaves it to the kind. It may answer later, at once, or not at all where something newer is asked. */
export type Judge = (question: Question, answer: (verdict: Verdict | undefined) => void) => void;

/** What a rule is asked. */
export interface Question {
  /** The uid of the Delivery whose object it is: what its rules take is not held against others. */
  readonly owner: string;
  /** The object, by its key: a newer question about it makes an older one idle. */
  readonly key: string;
  readonly rule: OwnRule;
  /** The object as it may be shown. */
  readonly object: JsonObject;
}

/** How soon an object is asked about again whose answer did not come, in milliseconds. */
const patience = 1_000;

/**
 * What a rule says of the state of an object. Until it has answered, what it said of an earlier state of the same
 * generation holds; of a new generation, and of an object that has none, nothing is known yet.
 * @param ask left out where the state is not the newest: then nothing is asked
 * @param answered called when there is an answer, unless something else was asked meanwhile
 */
export function ruling(
  tracked: Tracked,
  object: KubeObject,
  now: number,
  ask: ((answer: (verdict: Verdict | undefined) => void) => void) | undefined,
  answered: () => void = () => undefined,
): Verdict | undefined {
  const { uid, resourceVersion: version = '' } = object.metadata;
  const generation = generationOf(object);
  const isDone =
    tracked.ruled?.version === version && tracked.ruled.uid === uid && (tracked.ruled.verdict?.until ?? now + 1) > now;
  if (!isDone && tracked.asked?.version !== version && ask !== undefined) {
    const question = { version };
    tracked.asked = question;
    ask((verdict) => {
      if (tracked.asked !== question) return;
      tracked.ruled = { uid, version, generation, verdict };
      tracked.asked = undefined;
      answered();
    });
  }
  const { ruled } = tracked;
  const isSame =
    ruled !== undefined &&
    ruled.uid === uid &&
    (ruled.version === version || (generation > 0 && ruled.generation === generation));
  if (isSame) return ruled.verdict;
  return progressingUntil(now + patience, 'RulePending', 'the rule for its kind has not answered yet');
}
