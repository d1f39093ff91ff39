import type { JsonObject } from '../../diff/json.ts';
import type { Answers, OwnRule } from '../../health/own-rules.ts';

/** What the thread is asked: what a rule says of an object, or, without one, whether it is well written. */
export interface Task {
  readonly rule: OwnRule;
  readonly object?: JsonObject;
}

/** What a task came to. Tasks are answered in the order in which they were sent. */
export interface Outcome {
  readonly problems?: readonly string[];
  readonly answers?: Answers;
  /** How long it took, in milliseconds. */
  readonly took: number;
}

/** What the thread says: that it can begin, and then what each task came to. */
export type Reply = 'ready' | Outcome;
