import type { JsonObject } from '../diff/json.ts';
import type { KubeObject } from '../sync/types.ts';
import { generationOf } from './kinds/generation.ts';
import type { OwnRule } from './own-rules.ts';
import { progressing, type Verdict } from './scale.ts';
import type { Tracked } from './tracked.ts';

/** Asks a rule about an object, as it may be shown; undefined says that it leaves it to the kind. It may answer later, or at once. */
export type Judge = (rule: OwnRule, object: JsonObject, answer: (verdict: Verdict | undefined) => void) => void;

/** How soon an object is asked about again whose answer did not come, in milliseconds. */
const patience = 1_000;

/**
 * What a rule says of the state of an object. Until it has answered, what it said of an earlier state of the same
 * generation holds; of a new generation nothing is known yet.
 * @param answered called when there is an answer, unless a newer state was asked about meanwhile
 */
export function ruling(
  tracked: Tracked,
  object: KubeObject,
  ask: (answer: (verdict: Verdict | undefined) => void) => void,
  answered: () => void,
  now: number,
): Verdict | undefined {
  const version = object.metadata.resourceVersion ?? '';
  const generation = generationOf(object);
  if (tracked.ruled?.version !== version && tracked.asked !== version) {
    tracked.asked = version;
    ask((verdict) => {
      if (tracked.asked !== version) return;
      tracked.ruled = { version, generation, verdict };
      tracked.asked = undefined;
      answered();
    });
  }
  const { ruled } = tracked;
  if (ruled !== undefined && ruled.generation === generation) return ruled.verdict;
  return { ...progressing('RulePending', 'the rule for its kind has not answered yet'), until: now + patience };
}
